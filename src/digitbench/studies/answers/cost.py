"""Answers about time, which the papers claim and don't measure."""

from digitbench.reporting.wording import listing
from digitbench.studies.answers.asked import Asked
from digitbench.studies.labels import model_label

ALIKE = 1.1  # a ratio of times below which none is called faster


def inference_speed(asked: Asked) -> str | None:
    """Who is faster for one image and in batches; networks of the main comparison."""
    main, names = asked.measured.main, asked.question.architectures
    if not all(name in main.latency and name in main.metrics for name in names):
        return None
    one = {name: main.latency[name]["milliseconds_per_image"]["median"] for name in names}
    many = {name: main.latency[name]["images_per_second"]["median"] for name in names}
    order = sorted(names, key=lambda name: one[name])
    batched = sorted(names, key=lambda name: -many[name])
    batch = main.latency[names[0]]["batch_size"]
    singles = listing([f"{model_label(name)} {one[name]:.3f} ms" for name in order])
    rates = listing([f"{model_label(name)} {many[name]:,.0f}" for name in batched])
    macs = listing([f"{model_label(name)} {main.metrics[name]['macs']:,}" for name in order])
    return (
        f"For one image {_ratio(order, one[order[-1]] / one[order[0]])}: {singles}. In batches of "
        f"{batch} {_ratio(batched, many[batched[0]] / many[batched[-1]])}: {rates} images per "
        f"second. Multiply-accumulates per image: {macs}. Medians on one thread of "
        f"{main.latency['environment']['hardware']}, with the networks of the main comparison."
    )


def _ratio(order: list[str], ratio: float) -> str:
    """The first beside the last; clocks don't tell apart what is closer than a tenth."""
    if ratio < ALIKE:
        return f"{model_label(order[0])} and {model_label(order[-1])} are about equally fast"
    return f"{model_label(order[0])} is {ratio:.1f} times as fast as {model_label(order[-1])}"


def training_time(asked: Asked) -> str | None:
    """How long an epoch takes, one model against another."""
    timing = asked.measured.timing.get(asked.study, {})
    seconds = {name: record["seconds_per_epoch"]["median"] for name, record in timing.items()}
    if len(seconds) < 2:
        return None
    order = sorted(seconds, key=lambda name: (seconds[name], name))
    fast, slow = order[0], order[-1]
    found = listing([f"{model_label(name)} {seconds[name]:.1f} s" for name in order])
    where = listing(sorted({record["environment"]["hardware"] for record in timing.values()}))
    at_once = listing(sorted({str(record["replicates_at_once"]) for record in timing.values()}))
    return (
        f"An epoch takes {found} on {where}, {at_once} replicates at once: {model_label(slow)} "
        f"takes {seconds[slow] / seconds[fast]:.1f} times as long as {model_label(fast)}."
        f"{_published_ratio(asked, slow, fast)}"
    )


def _published_ratio(asked: Asked, slow: str, fast: str) -> str:
    """The same ratio of the paper's times; machines differ, a ratio less so."""
    stated = {
        number.model: float(number.value)
        for number in asked.published.other
        if number.metric == "seconds_per_epoch"
    }
    if slow not in stated or fast not in stated:
        return ""
    return f" The paper's times make it {stated[slow] / stated[fast]:.1f} times."
