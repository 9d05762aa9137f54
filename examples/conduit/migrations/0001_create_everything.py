"""create everything."""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString
from sqlmodel.sql.sqltypes import UTCDateTime
from velox.db.types import TypedJSON

revision = "0001_create_everything"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "auth_api_key",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("prefix", AutoString(length=16), nullable=False),
        sa.Column("digest", AutoString(length=64), nullable=False),
        sa.Column("name", AutoString(length=100), nullable=False),
        sa.Column("scopes", TypedJSON(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=True),
        sa.Column("last_used_at", UTCDateTime(), nullable=True),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_auth_api_key"),
        sa.UniqueConstraint("prefix", name="uq_auth_api_key_prefix"),
    )
    op.create_index("ix_auth_api_key_account_id", "auth_api_key", ["account_id"])
    op.create_table(
        "auth_sign_in",
        sa.Column("id", AutoString(length=32), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", AutoString(length=64), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("refreshed_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_auth_sign_in"),
    )
    op.create_index("ix_auth_sign_in_account_id", "auth_sign_in", ["account_id"])
    op.create_table(
        "user",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", AutoString(length=254), nullable=False),
        sa.Column("password_digest", AutoString(length=255), nullable=False),
        sa.Column("roles", TypedJSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("verified_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("username", AutoString(length=100), nullable=False),
        sa.Column("bio", AutoString(), nullable=True),
        sa.Column("image", AutoString(length=2000), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("email", name="uq_user_email"),
        sa.UniqueConstraint("username", name="uq_user_username"),
    )
    op.create_table(
        "article",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slug", AutoString(length=255), nullable=False),
        sa.Column("title", AutoString(length=255), nullable=False),
        sa.Column("description", AutoString(), nullable=False),
        sa.Column("body", AutoString(), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], name="fk_article_author_id_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_article"),
        sa.UniqueConstraint("slug", name="uq_article_slug"),
    )
    op.create_index("ix_article_author_id", "article", ["author_id"])
    op.create_table(
        "follow",
        sa.Column("follower_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], name="fk_follow_author_id_user", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["follower_id"], ["user.id"], name="fk_follow_follower_id_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("follower_id", "author_id", name="pk_follow"),
    )
    op.create_index("ix_follow_author_id", "follow", ["author_id"])
    op.create_table(
        "comment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("article_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body", AutoString(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name="fk_comment_article_id_article", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], name="fk_comment_author_id_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_comment"),
    )
    op.create_index("ix_comment_article_id", "comment", ["article_id"])
    op.create_index("ix_comment_author_id", "comment", ["author_id"])
    op.create_table(
        "favorite",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("article_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name="fk_favorite_article_id_article", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_favorite_user_id_user", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "article_id", name="pk_favorite"),
    )
    op.create_index("ix_favorite_article_id", "favorite", ["article_id"])
    op.create_table(
        "tag",
        sa.Column("article_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", AutoString(length=100), nullable=False),
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name="fk_tag_article_id_article", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("article_id", "name", name="pk_tag"),
    )
    op.create_index("ix_tag_name", "tag", ["name"])


def downgrade() -> None:
    op.drop_table("tag")
    op.drop_table("favorite")
    op.drop_table("comment")
    op.drop_table("follow")
    op.drop_table("article")
    op.drop_table("user")
    op.drop_table("auth_sign_in")
    op.drop_table("auth_api_key")
