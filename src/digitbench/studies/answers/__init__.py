"""What was measured about the questions that the papers ask, and the claims they don't measure."""

from collections.abc import Callable

from digitbench.studies.answers.accuracy import auc, epochs, equal_scores, pooling, ranking
from digitbench.studies.answers.asked import Asked
from digitbench.studies.answers.classes import class_balance, confused_pairs, confusion_causes
from digitbench.studies.answers.cost import inference_speed, training_time
from digitbench.studies.answers.shift import distortions, usps_attribution
from digitbench.studies.published import Answer

NOT_RUN = "Not run here."

ANSWERS: dict[Answer, Callable[[Asked], str | None]] = {
    "auc": auc,
    "class_balance": class_balance,
    "confused_pairs": confused_pairs,
    "confusion_causes": confusion_causes,
    "distortions": distortions,
    "epochs": epochs,
    "equal_scores": equal_scores,
    "inference_speed": inference_speed,
    "pooling": pooling,
    "ranking": ranking,
    "training_time": training_time,
    "usps_attribution": usps_attribution,
}


def answer(asked: Asked) -> str:
    """The measured answer in generated sentences."""
    return ANSWERS[asked.question.answer](asked) or NOT_RUN
