"""Which kind a managed resource of Crossplane means by `spec.forProvider.vpcIdRef`: only the key says it.

A provider generates such a key from the field that the other resource fills: `vpcId` is that of a VPC, and
`kmsKeyId` that of a Key of the service KMS.
"""

from __future__ import annotations

import re
from functools import lru_cache

from astrolabe.graph.state.identity import GroupKind

#: What follows the name of the kind: `vpcIdRef`, `roleArnRef`, `securityGroupIdRefs[0]`.
_END = re.compile(r"(?:Id|Ids|ID|IDs|Arn|Arns|Name|Names|SelfLink|Url)?Refs?$")
#: Services whose kinds those of all others refer to by the kind alone.
_SHARED = {
    "role": "iam",
    "instanceProfile": "iam",
    "policy": "iam",
    "user": "iam",
    "bucket": "s3",
    "vpc": "ec2",
    "subnet": "ec2",
    "securityGroup": "ec2",
    "certificate": "acm",
    "topic": "sns",
    "queue": "sqs",
    "logGroup": "cloudwatchlogs",
    "network": "compute",
    "subnetwork": "compute",
    "serviceAccount": "cloudplatform",
    "virtualNetwork": "network",
}
#: Groups of a provider: `ec2.aws.upbound.io`, `ec2.aws.m.upbound.io`, `compute.gcp.crossplane.io`.
_SERVICE = re.compile(r"([a-z0-9]+)\.((?:[a-z0-9-]+\.)+[a-z]+)")
#: Longer runs of capitals than in a word: VPC, NATGateway, DBCluster.
_ACRONYMS = ("VPC", "NAT", "DB", "EIP", "DNS", "LB", "KMS", "EBS", "EFS")


@lru_cache(maxsize=4096)
def sibling_kinds(key: str, group: str) -> tuple[GroupKind, ...]:
    """The kinds that a key may mean for a managed resource of this group; () if it names a Secret."""
    word = _END.sub("", key)
    if not word or word == key or word.lower().endswith("secret") or word == "providerConfig":
        return ()
    match = _SERVICE.fullmatch(group)
    found = {GroupKind(group, name): None for name in _spellings(word)}
    if match is not None:
        provider = match[2]
        if word in _SHARED:
            found |= {GroupKind(f"{_SHARED[word]}.{provider}", name): None for name in _spellings(word)}
        split = re.match(r"([a-z]+)([A-Z]\w*)", word)
        if split is not None:  # kmsKey: Key of kms
            found[GroupKind(f"{split[1]}.{provider}", split[2])] = None
    return tuple(found)


def _spellings(word: str) -> tuple[str, ...]:
    capital = f"{word[0].upper()}{word[1:]}"
    for acronym in _ACRONYMS:
        if re.match(rf"{acronym}(?![a-z])", capital[: len(acronym)].upper() + capital[len(acronym) :]):
            return capital, f"{acronym}{capital[len(acronym) :]}"
    return (capital,)
