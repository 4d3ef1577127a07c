"""What was paid, for Prometheus; of the shop's day and month, so it begins anew with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from fototui.domain.costs import Costs, Prices
from fototui.services.costs.service import Overview


@dataclass(frozen=True, slots=True)
class PaidStats:
    """What there is to tell of costs.

    Args:
        overview: What was paid.
        prices: What it costs.
        budget: What may be spent a day.
    """

    overview: Overview
    prices: Prices
    budget: Decimal | None

    def metrics(self) -> Iterable[Metric]:
        """Tell it; money only where a price is known."""
        calls, seconds, charged, cost = (
            GaugeMetricFamily(f"fototui_paid_{name}", text, labels=("period", "part", *more))
            for name, text, *more in (
                ("calls", "Calls to outside services that cost money, or may have."),
                ("runpod_seconds", "Seconds that RunPod worked."),
                ("vectorizer_credits", "Credits that Vectorizer.ai charged."),
                ("cost", "What that comes to at the prices in the settings.", "currency"),
            )
        )
        for period, costs in self._periods():
            for part, spent in (("all", costs.total), ("wasted", costs.wasted)):
                calls.add_metric((period, part), spent.calls)
                seconds.add_metric((period, part), spent.seconds)
                charged.add_metric((period, part), spent.credits)
                money = self.prices.cost(spent)
                if money is not None:
                    cost.add_metric((period, part, self.prices.currency), float(money))
        yield from (calls, seconds, charged, cost)
        if self.budget is not None:
            budget = GaugeMetricFamily(
                "fototui_daily_budget", "What may be spent a day.", labels=("currency",)
            )
            budget.add_metric((self.prices.currency,), float(self.budget))
            yield budget

    def _periods(self) -> tuple[tuple[str, Costs], ...]:
        return (("today", self.overview.today), ("month", self.overview.month))
