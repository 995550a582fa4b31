"""Astrolabe against a real Kubernetes cluster, which must be one that may be thrown away.

Run by `make test-cluster`, and by nothing else; ASTROLABE_TEST_KUBECONFIG names the cluster. The manifests of
deploy/ are applied to it, and stay, but for the time in which an installation of the original is in their place;
namespaces called astrolabe-test-… come and go. It takes kubectl and helm, and no image: Astrolabe runs beside the
cluster, with what the manifests permit to its ServiceAccount. Whether Pods ever run is all the same, so a control
plane with kwok does as well as kind or k3d. A Node of the tests, `astrolabe-test-node`, has no kubelet: the
tests write what one would, so kwok must leave it alone (`--manage-nodes-with-annotation-selector`).
"""
