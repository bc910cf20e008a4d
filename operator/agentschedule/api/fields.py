"""Types that the kinds share: bounded strings, durations, times, money. Each carries its schema and its CEL rules.

The models are the single source of the CRDs (`crd.py`) and of what the operator reads; a bound stands here once.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Self, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from agentschedule.constants import INPUT_BYTES


class Model(BaseModel):
    """Base of all API models: camelCase outside, immutable, unknown fields ignored (a newer version may write them)."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    @classmethod
    def read(cls, raw: object) -> Self:
        """The object from JSON as it came, without pydantic's notes of which fields were given.

        They take most of the memory of an object that is kept, and nobody asks for them. Raises `ValidationError`.
        """
        made = cls.model_validate(raw)
        _forget_given(made)
        return made

    def to_json(self) -> dict[str, Any]:
        """The object as JSON-ready dict, without what is unset."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


_NOTHING_GIVEN: set[str] = set()


def _forget_given(model: BaseModel) -> None:
    object.__setattr__(model, "__pydantic_fields_set__", _NOTHING_GIVEN)
    for name in _holding_models(type(model)):
        value = model.__dict__[name]
        for inner in value if isinstance(value, list) else (value,):
            if isinstance(inner, BaseModel):
                _forget_given(inner)


@cache
def _holding_models(kind: type[BaseModel]) -> tuple[str, ...]:
    """Fields that hold a model or a list of models."""
    return tuple(name for name, field in kind.model_fields.items() if _names_a_model(field.annotation))


def _names_a_model(annotation: object) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(_names_a_model(part) for part in get_args(annotation))


def rule(expression: str, message: str, **more: str) -> dict[str, str]:
    """One CEL rule of `x-kubernetes-validations`."""
    return {"rule": expression, "message": message, **more}


def schema(*rules: dict[str, str], **keywords: object) -> dict[str, Any]:
    """Extra OpenAPI keywords of a field or model: CEL rules, and `x_…` for `x-kubernetes-…`."""
    extra: dict[str, Any] = {
        key.replace("x_", "x-kubernetes-", 1).replace("_", "-") if key.startswith("x_") else key: value
        for key, value in keywords.items()
    }
    if rules:
        extra["x-kubernetes-validations"] = list(rules)
    return extra


def utc_text(time: datetime) -> str:
    """RFC 3339 in UTC, whole seconds: how Kubernetes writes its own times."""
    return time.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def money_text(amount: Decimal) -> str:
    """A decimal number without exponent and with at most nine places, as the schema of `Money` wants it."""
    return format(round(amount, 9).normalize(), "f")


DURATION_PATTERN = "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
_DURATION_RULE = rule(
    f"self.matches('{DURATION_PATTERN}')",
    "must be a duration such as 30s, 5m, 1h30m or 24h; it has a unit and cannot be negative",
)

Duration = Annotated[str, Field(max_length=32, json_schema_extra=schema(_DURATION_RULE))]
"""A Gateway API duration (GEP-2257)."""

Time = Annotated[AwareDatetime, PlainSerializer(utc_text, when_used="json")]
"""An RFC 3339 instant, with its offset."""

Money = Annotated[
    Decimal,
    Field(json_schema_extra={"type": "string", "maxLength": 24, "pattern": r"^[0-9]{1,12}(\.[0-9]{1,9})?$"}),
    PlainSerializer(money_text, when_used="json"),
]
"""US dollars as a decimal string, never a float."""

_MONEY_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,6})?$"

Amount = Annotated[
    Decimal,
    Field(
        json_schema_extra=schema(
            rule(
                f"self.matches(r'{_MONEY_PATTERN}') && self.matches('[1-9]')",
                "must be an amount of US dollars above zero as a quoted decimal number, such as '2.50'",
            ),
            type="string",
            maxLength=24,
        )
    ),
    PlainSerializer(money_text, when_used="json"),
]
"""US dollars that somebody grants: above zero, at most six places."""

ObjectName = Annotated[str, Field(max_length=253, min_length=1)]
Text = Annotated[str, Field(max_length=1024)]
ShortText = Annotated[str, Field(max_length=256)]
FreeObject = Annotated[dict[str, Any], Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]
"""An object whose fields the CRD does not know."""

Input = Annotated[str, Field(max_length=INPUT_BYTES)]
"""The text of a task. The schema's length counts characters, `INPUT_RULE` bytes."""

INPUT_RULE = rule(
    f"!has(self.input) || size(bytes(self.input)) <= {INPUT_BYTES}",
    f"must be at most {INPUT_BYTES} bytes of UTF-8",
    fieldPath=".input",
)
"""Of the object that has the input: a rule of the input itself would have the whole text in its message."""
