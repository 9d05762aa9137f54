"""Django and Django Ninja, async, in one file; ``benchmarks.db.on_django:app`` is its ASGI application."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import django
from django.conf import settings

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["HEROES"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"},
        }
    },
    USE_TZ=True,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="benchmark",
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # it sets Content-Length
    INSTALLED_APPS=[],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402 - after the settings
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402
from ninja import NinjaAPI, Schema  # noqa: E402
from ninja.errors import HttpError  # noqa: E402


class Hero(models.Model):
    name = models.CharField(max_length=80, db_index=True)
    city = models.CharField(max_length=80)
    age = models.IntegerField()
    score = models.FloatField()
    active = models.BooleanField()
    created_at = models.DateTimeField()
    bio = models.CharField(max_length=200)

    class Meta:
        app_label = "heroes"
        db_table = "hero"


class HeroIn(Schema):
    name: str
    city: str
    age: int
    score: float
    active: bool
    created_at: datetime
    bio: str


class HeroOut(HeroIn):
    id: int


class HeroPage(Schema):
    items: list[HeroOut]
    total: int
    limit: int
    offset: int


api = NinjaAPI()


@api.get("/heroes/{hero_id}", response=HeroOut)
async def read_hero(request: Any, hero_id: int) -> Any:
    try:
        return await Hero.objects.aget(id=hero_id)
    except Hero.DoesNotExist:
        raise HttpError(404, "no such hero") from None


@api.get("/heroes", response=HeroPage)
async def list_heroes(request: Any, limit: int = 20, offset: int = 0) -> Any:
    items = [hero async for hero in Hero.objects.order_by("id")[offset : offset + limit]]
    return {"items": items, "total": await Hero.objects.acount(), "limit": limit, "offset": offset}


@api.post("/heroes", response={201: HeroOut})
async def create_hero(request: Any, body: HeroIn) -> Any:
    return 201, await Hero.objects.acreate(**body.dict())


urlpatterns = [path("", api.urls)]
app = get_asgi_application()
