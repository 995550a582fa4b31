"""Cases in which a rule that ships differs from Argo CD on purpose, with the reason."""

_DELETED = (
    "It has a deletionTimestamp. What is being deleted is Pending, and says which finalizer holds it: that comes"
    " before everything else, for every kind."
)
_INCONCLUSIVE = (
    "An inconclusive analysis holds the rollout until somebody decides. That is a failure to be told of, and"
    " Unknown would hide it."
)

#: (kind, case) → why.
DISPUTES: dict[tuple[str, str], str] = {
    ("argoproj.io/AnalysisRun", "inconclusiveAnalysisRun"): _INCONCLUSIVE,
    ("argoproj.io/AnalysisRun", "inconclusiveAnalysisRunWithStatusMessage"): _INCONCLUSIVE,
    ("kafka.strimzi.io/KafkaConnect", "degraded"): _DELETED,
    ("kafka.strimzi.io/KafkaConnect", "healthy"): _DELETED,
}
