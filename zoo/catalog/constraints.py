"""What a value of a registry may be, as marks on annotations that only pydantic reads, and only when it validates.

Importing pydantic costs more than all the rest of `zoo ls`. The types of a registry (zoo.catalog.schema) are therefore
plain dataclasses, and these marks explain themselves to pydantic when a registry is read for the first time. Numbers
are strict: "10" and 10.0 are no whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Matching:
    """Text that matches a pattern, of a length between bounds."""

    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.str_schema(
            strict=True, pattern=self.pattern, min_length=self.min_length, max_length=self.max_length
        )


@dataclass(frozen=True)
class Judged:
    """Text that a function accepts, which raises ValueError for the rest."""

    judge: Callable[[str], str]

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.judge, core_schema.str_schema(strict=True))


@dataclass(frozen=True)
class Whole:
    """A whole number of at least `least`."""

    least: int

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.int_schema(strict=True, ge=self.least)


@dataclass(frozen=True)
class Real:
    """A number, whole or not."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.float_schema(strict=True)


@dataclass(frozen=True)
class Length:
    """A list or mapping with at least `least` items, and at most `most`."""

    least: int
    most: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        found: Any = handler(source)
        return {**found, "min_length": self.least} | ({"max_length": self.most} if self.most is not None else {})


@dataclass(frozen=True)
class OneOf:
    """One of several dataclasses, told apart by what `kind_of` says of the raw value."""

    kinds: Callable[[], dict[str, type]]
    kind_of: Callable[[object], str | None]

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        kinds = self.kinds()
        return core_schema.tagged_union_schema(
            {name: handler.generate_schema(kind) for name, kind in kinds.items()},
            self.kind_of,
            custom_error_type="mirror-kind",
            custom_error_message="none of the source kinds: " + ", ".join(kinds),
        )


class Closed:
    """A dataclass of a registry: unknown keys are faults."""

    __slots__ = ()
    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 - pydantic looks for it on the class


Text = Annotated[str, Matching(min_length=1, max_length=2000)]
Number = Annotated[float, Real()]
Count = Annotated[int, Whole(1)]
