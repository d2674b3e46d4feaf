"""The formats that conversations can be read from, by name."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from tools.importers import langfuse, langsmith, openai, otlp, trl
from tools.importers.rows import Row

NATIVE = "nightschool"
READERS: Mapping[str, Callable[[Iterable[Row]], Iterator[Row]]] = {
    NATIVE: iter,
    "openai": openai.rows,
    "trl": trl.rows,
    "langfuse": langfuse.rows,
    "langsmith": langsmith.rows,
    "otlp": otlp.rows,
}
