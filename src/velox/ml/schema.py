"""What a model takes and gives: the features of its rows, and its answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["Feature", "Outcome", "Policies", "Schema", "absent"]

Kind = Literal["number", "integer", "boolean", "category", "text"]
OutOfRange = Literal["accept", "warn", "clip", "reject"]
Unknown = Literal["reject", "warn"]
JSON_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean", "text": "string"}


def absent(value: Any) -> bool:
    """Whether ``value`` is None or NaN, the one thing that is not equal to itself."""
    return value is None or bool(value != value)  # noqa: PLR0124


@dataclass(frozen=True, slots=True)
class Policies:
    """What happens to a row that is well-formed and yet unlike the training data.

    Args:
        out_of_range: A number below the least or above the greatest that the model was trained on: ``"accept"``,
            ``"warn"`` (answer, with a warning), ``"clip"`` (to the range, with a warning), or ``"reject"`` (422).
        unknown: A category that the model was not trained on: ``"reject"`` (422), or ``"warn"`` where the model can
            take one.
    """

    out_of_range: OutOfRange = "warn"
    unknown: Unknown = "reject"


@dataclass(frozen=True, slots=True)
class Feature:
    """One field of a row.

    Attributes:
        name: Its name in a row.
        kind: ``number``, ``integer``, ``boolean``, ``category`` or ``text``.
        dtype: Its pandas dtype in the training data.
        missing: Whether the model takes ``null`` or a row without it.
        unknown: Whether the model takes a category that is not in ``categories``.
        categories: Of a category, all that the model knows: strings, or integers.
        minimum, maximum: Of a number, the range of the training data.
        examples: Values of the training data, for the documentation.
    """

    name: str
    kind: Kind
    dtype: str
    missing: bool = False
    unknown: bool = False
    categories: tuple[str | int, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    examples: tuple[Any, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        made = {
            name: value for name, value in asdict(self).items() if not (value is None or value is False or value == ())
        }
        return {name: list(value) if isinstance(value, tuple) else value for name, value in made.items()}

    @classmethod
    def from_dict(cls, made: Mapping[str, Any]) -> Feature:
        known = {name: value for name, value in made.items() if name in cls.__slots__}
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in known.items()}
        return cls(**values)

    def json_schema(self, policies: Policies) -> dict[str, Any]:
        """Its JSON Schema: what of it is refused, and no more."""
        made: dict[str, Any] = {}
        if self.kind != "category":
            made["type"] = [JSON_TYPES[self.kind], "null"] if self.missing else JSON_TYPES[self.kind]
        elif self.unknown and policies.unknown != "reject":
            kind = "string" if isinstance(self.categories[0], str) else "integer"
            made |= {"type": [kind, "null"] if self.missing else kind, "description": f"One of {self.listed()}."}
        else:
            made["enum"] = [*self.categories, *([None] if self.missing else [])]
        if self.minimum is not None and self.maximum is not None:
            if policies.out_of_range == "reject":
                made |= {"minimum": self.minimum, "maximum": self.maximum}
            else:
                made["description"] = f"From {self.minimum:g} to {self.maximum:g} in the training data."
        if self.examples:
            made["examples"] = list(self.examples)
        return made

    def listed(self, most: int = 20) -> str:
        """The categories, for a message."""
        shown = ", ".join(map(str, self.categories[:most]))
        return shown if len(self.categories) <= most else f"{shown} and {len(self.categories) - most} more"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model says.

    Attributes:
        name: The target's name.
        kind: ``classification`` or ``regression``.
        classes: Of a classification, the labels in the model's order.
        probabilities: Whether it gives one for each class.
    """

    name: str
    kind: Literal["classification", "regression"]
    classes: tuple[str | int | float | bool, ...] = ()
    probabilities: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "classes": list(self.classes)}

    @classmethod
    def from_dict(cls, made: Mapping[str, Any]) -> Outcome:
        return cls(made["name"], made["kind"], tuple(made["classes"]), bool(made["probabilities"]))


@dataclass(frozen=True, slots=True)
class Schema:
    """The rows that a model takes, and its answer.

    Attributes:
        features: In the model's order.
        outcome: The answer.
        form: What the estimator is called with: a DataFrame (``"frame"``) or an array (``"array"``).
        policies: As they were chosen when the model was published; an app may choose others.
    """

    features: tuple[Feature, ...]
    outcome: Outcome
    form: Literal["frame", "array"] = "frame"
    policies: Policies = field(default_factory=Policies)

    def to_dict(self) -> dict[str, Any]:
        return {
            "features": [feature.to_dict() for feature in self.features],
            "outcome": self.outcome.to_dict(),
            "form": self.form,
            "policies": asdict(self.policies),
        }

    @classmethod
    def from_dict(cls, made: Mapping[str, Any]) -> Schema:
        return cls(
            tuple(Feature.from_dict(feature) for feature in made["features"]),
            Outcome.from_dict(made["outcome"]),
            made["form"],
            Policies(**made["policies"]),
        )

    def row_schema(self, policies: Policies) -> dict[str, Any]:
        """The JSON Schema of one row."""
        return {
            "type": "object",
            "additionalProperties": False,
            "required": [feature.name for feature in self.features if not feature.missing],
            "properties": {feature.name: feature.json_schema(policies) for feature in self.features},
            "examples": [self.example()],
        }

    def example(self) -> dict[str, Any]:
        """A row of the training data."""
        return {feature.name: example_of(feature) for feature in self.features}

    def differences(self, other: Schema) -> list[str]:
        """What a client would notice between ``self`` and ``other``, a line each."""
        mine, theirs = ({feature.name: feature for feature in schema.features} for schema in (self, other))
        lines = [f"- {name}" for name in mine if name not in theirs] + [
            f"+ {name}" for name in theirs if name not in mine
        ]
        for name in (name for name in mine if name in theirs):
            before, after = mine[name].to_dict(), theirs[name].to_dict()
            changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
            lines += [f"~ {name}.{key}: {before.get(key)} -> {after.get(key)}" for key in changed if key != "examples"]
        if self.outcome != other.outcome:
            lines.append(f"~ outcome: {self.outcome.to_dict()} -> {other.outcome.to_dict()}")
        return lines

    def refusals(self, other: Schema) -> list[str]:
        """Why not every row that ``other`` takes is taken by ``self``, a line each."""
        mine, theirs = ({feature.name: feature for feature in schema.features} for schema in (self, other))
        lines = [f"{name} is no feature" for name in theirs if name not in mine]
        lines += [
            f"{name} is a feature" for name, feature in mine.items() if name not in theirs and not feature.missing
        ]
        for name in (name for name in mine if name in theirs):
            ours, before = mine[name], theirs[name]
            if ours.kind != before.kind and (ours.kind, before.kind) != ("number", "integer"):
                lines.append(f"{name} is {ours.kind}, not {before.kind}")
            if before.missing and not ours.missing:
                lines.append(f"{name} may not be missing")
            if lost := set(before.categories) - set(ours.categories):
                lines.append(f"{name} cannot be {', '.join(sorted(map(str, lost)))}")
        return lines


def example_of(feature: Feature) -> Any:
    if feature.examples:
        return feature.examples[0]
    if feature.categories:
        return feature.categories[0]
    number = feature.minimum if feature.minimum is not None and math.isfinite(feature.minimum) else 0.0
    return {"number": number, "integer": int(number), "boolean": False}.get(feature.kind, "text")
