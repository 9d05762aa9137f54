"""Types that several bodies have in common."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1)]
"""Not empty."""
Email = Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]
Moment = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), return_type=str),
]
"""With the fraction that the specification wants, even where it is 0."""
TextOrNothing = Annotated[str | None, AfterValidator(lambda text: text or None)]
"""An empty text is none."""
