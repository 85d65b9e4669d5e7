"""Take the pictures of the site from the screenshots that ``make browser`` has left.

``python -m tools.site.pictures`` copies them to ``docs/images``. A picture ``name.pt-BR.png`` is that of Portuguese
pages.
"""

from __future__ import annotations

import shutil
from typing import Final

from tools.site.arguments import ROOT

SCREENSHOTS: Final = ROOT / ".cache" / "screenshots"
IMAGES: Final = ROOT / "docs" / "images"
#: Picture of the site -> screenshot.
PICTURES: Final = {
    "inbox.png": "inbox-en-light-message.png",
    "inbox.pt-BR.png": "inbox-pt-BR-light-message.png",
    "telephony-campaign.png": "page-finished.png",
    "telephony-week.png": "page-routing-week.png",
}


def main() -> None:
    """Copy each screenshot."""
    for picture, screenshot in PICTURES.items():
        shutil.copyfile(SCREENSHOTS / screenshot, IMAGES / picture)
        print(f"docs/images/{picture}: {screenshot}")


if __name__ == "__main__":
    main()
