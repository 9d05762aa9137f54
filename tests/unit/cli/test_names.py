"""Which names work, and what is suggested instead of the others."""

from pathlib import Path

import pytest

from velox.cli.names import check_feature_name, check_model_name, check_project_name, class_name, singular, suggestion
from velox.errors import ConfigurationError


@pytest.mark.parametrize("name", ["shop", "my_shop", "shop2", "app"])
def test_a_lower_case_identifier_is_a_project_name(name: str) -> None:
    """A lower-case identifier that no module has is accepted."""
    check_project_name(name)


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("My-Shop", "my_shop"),
        ("MyShop", "my_shop"),
        ("2shop", "app_2shop"),
        ("../shop", "shop"),
        ("shop/", "shop"),
        ("", "shop"),
        ("é", "e"),
        ("Bücher", "bucher"),
        ("é-shop", "e_shop"),
        ("店", "shop"),
        ("class", "my_class"),
        ("match", "my_match"),
        ("json", "my_json"),
        ("test", "my_test"),
        ("velox", "my_velox"),
        ("pytest", "my_pytest"),
        ("shop__x", "shop_x"),
        ("a" * 41, "a" * 40),
    ],
)
def test_another_name_is_refused_with_one_that_works(name: str, better: str) -> None:
    """What is refused comes with a suggestion, and the suggestion is accepted."""
    with pytest.raises(ConfigurationError, match="VX501") as refusal:
        check_project_name(name)
    assert refusal.value.hint == f"Try {better}."
    check_project_name(better)


def test_a_folder_in_the_working_directory_takes_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier project of the same name is for the clash check to see; it is no installed module."""
    (tmp_path / "shop").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    check_project_name("shop")


@pytest.mark.parametrize(
    ("name", "better"), [("docs", "my_docs"), ("select", "my_select"), ("Blog-Posts", "blog_posts"), ("in", "my_in")]
)
def test_a_feature_may_not_be_called_what_velox_uses(name: str, better: str) -> None:
    """A URL prefix or a variable of the generated code that is in use is refused with a name that works."""
    with pytest.raises(ConfigurationError, match="VX501") as refusal:
        check_feature_name(name)
    assert refusal.value.hint == f"Try {better}."
    check_feature_name(better)


@pytest.mark.parametrize(("name", "better"), [("Page", "MyPage"), ("book", "Book"), ("None", "MyNone"), ("B-C", "BC")])
def test_a_model_may_not_hide_what_the_generated_code_imports(name: str, better: str) -> None:
    """A class name that is no class name, or is imported, is refused with one that works."""
    with pytest.raises(ConfigurationError, match="VX501") as refusal:
        check_model_name(name)
    assert refusal.value.hint == f"Name the class yourself: --model {better}."
    check_model_name(better)


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("items", "item"),
        ("categories", "category"),
        ("boxes", "box"),
        ("addresses", "address"),
        ("batches", "batch"),
        ("news", "news"),
        ("status", "status"),
        ("stock", "stock"),
        ("blog_posts", "blog_post"),
        ("ties", "tie"),
    ],
)
def test_the_singular_is_a_matter_of_spelling(many: str, one: str) -> None:
    """The rule is short enough for the command's help, and right for what it names."""
    assert one == singular(many)


def test_a_class_name_joins_the_words() -> None:
    """``blog_post`` is ``BlogPost``."""
    assert class_name("blog_post") == "BlogPost"


def test_a_suggestion_is_stable() -> None:
    """A valid name is its own suggestion."""
    assert suggestion("blog_posts") == "blog_posts"
