"""Files to which a long work adds a line for each piece that is done."""

from pathlib import Path


def kept_lines(file: Path) -> list[bytes]:
    """The lines an earlier run kept, none where there is no file; the half line that a kill may have left is cut off."""
    if not file.is_file():
        return []
    written = file.read_bytes()
    whole = written[: written.rfind(b"\n") + 1]
    if whole != written:
        file.write_bytes(whole)
    return whole.splitlines()
