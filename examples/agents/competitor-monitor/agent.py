"""Compares a competitor's prices with those of the last run and with ours.

COMPETITOR_URL gives `{"products": [{"name": "Red kettle", "price": "19.99"}]}`. The context names the products to
watch, with our prices: `{"ourPrices": {"Red kettle": "18.00"}}`. An alert is given when we are undercut, once.
"""

import json
import os
import urllib.request
from decimal import Decimal

from agentschedule.agent import Run

TIMEOUT = 10
"""Seconds."""


def fetch(url: str) -> dict[str, Decimal]:
    """The competitor's prices."""
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        products = json.load(response)["products"]
    return {str(product["name"]): Decimal(product["price"]) for product in products}


def changes(before: dict[str, Decimal], now: dict[str, Decimal]) -> list[str]:
    """What is to be told, a sentence each."""
    changed = [f"{name}: {before[name]} → {now[name]}" for name in now if name in before and before[name] != now[name]]
    new = [f"{name}: new, {now[name]}" for name in now if name not in before]
    gone = [f"{name}: no longer sold" for name in before if name not in now]
    return sorted(changed + new + gone)


def main() -> None:
    """A site that cannot be read is a failed run: the exception says why, and the last state stays."""
    with Run() as run:
        run.spend(0)  # no language model is called
        ours = {name: Decimal(price) for name, price in run.context["ourPrices"].items()}
        now = {name: price for name, price in fetch(os.environ["COMPETITOR_URL"]).items() if name in ours}
        before = {name: Decimal(price) for name, price in run.state.get("prices", {}).items()}
        undercut = [name for name, price in now.items() if price < ours[name]]
        news = [name for name in undercut if before.get(name) != now[name]]
        summary = "; ".join(changes(before, now)) or f"No change in {len(now)} prices"
        print(summary)
        run.finish(
            f"{summary}. Below ours: {', '.join(undercut) or 'none'}.",
            state={"prices": {name: str(price) for name, price in now.items()}},
            alert="We are undercut: " + ", ".join(f"{n} {now[n]} (ours {ours[n]})" for n in news) if news else None,
        )


if __name__ == "__main__":
    main()
