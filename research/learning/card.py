"""The card of a trained agent: what it is, what it saw and made, in text for people."""

from research.catalogue import show_time
from research.learning.artefact import Artefact, Span


def training_card(sha256: str, artefact: Artefact) -> str:
    """Return the card as Markdown. Whether it beats anything is `trifecta evaluate`'s to say, and the card says so."""
    spec = artefact.spec
    net = " x ".join(map(str, spec.net))
    lines = [
        f"# {artefact.desk} agent {sha256[:12]}",
        "",
        f"- artefact: `{sha256}`, code {artefact.revision[:12] or 'unknown'}",
        f"- policy `{artefact.policy}`, {spec.algorithm}, {net} {spec.activation}, seed {artefact.seed}, "
        f"chunk {artefact.chunk + 1} of {spec.chunks} ({spec.steps:,} decisions), the best on the validation part",
        f"- reward {spec.reward}, rate {spec.rate:g}, gamma {spec.gamma:g}, "
        f"split {spec.train:g} / {spec.validation:g} / rest by time, purge {spec.purge} rows",
        f"- sees: {', '.join(artefact.features) or 'the numbers of a candidate'}",
        f"- libraries: {', '.join(f'{name} {version}' for name, version in artefact.libraries.items())}",
        "- costs are on; every decision went through sizing, risk, matching and the ledger",
        "",
        "| part | market | from | to | profit | Sharpe | max drawdown | trades |",
        "|---|---|---|---|---|---|---|---|",
        *(_line("validation", span) for span in artefact.validation),
        *(_line("test", span) for span in artefact.test),
        "",
        "Files:",
        *(f"- {file.path}, {file.rows:,} rows, `{file.sha256[:16]}`" for file in artefact.data),
        "",
        f"This card compares with nothing. `trifecta evaluate --model {sha256[:12]}` says what it beats and what not.",
    ]
    return "\n".join(lines)


def _line(part: str, span: Span) -> str:
    score = span.score
    sharpe = "n/a" if score.sharpe is None else f"{score.sharpe:.2f}"
    span_text = f"{show_time(span.first_ns)} | {show_time(span.last_ns)}"
    numbers = f"{score.net_profit:+,.2f} | {sharpe} | {score.max_drawdown:,.2f} | {score.trades:,}"
    return f"| {part} | {span.market} | {span_text} | {numbers} |"
