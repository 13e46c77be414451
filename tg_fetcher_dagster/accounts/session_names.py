"""Which accounts are kept on this host, by the names of their files: none is opened, and nothing decrypted.

For who needs no more than that: what encrypts takes 7 MB of memory to load.
"""

import re
from pathlib import Path
from typing import Final

NAME: Final = re.compile(r"[a-z0-9_]{1,32}")


def session_names(session_dir: Path) -> list[str]:
    """Returns the accounts whose sessions are kept in a folder, sorted."""
    return sorted(path.stem for path in session_dir.glob("[!.]*.session") if NAME.fullmatch(path.stem))
