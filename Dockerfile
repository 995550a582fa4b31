# The base images, by tag and digest; the digest decides. `docker buildx imagetools inspect python:TAG` tells that of
# another tag, which --build-arg PYTHON=TAG@DIGEST takes instead.
ARG PYTHON=3.13.15-slim-bookworm@sha256:cbd229d7b9bd041012af758ce5ffd807a6518d76493ce9035d208f1db9ceff1e
ARG NODE=22.23.2-bookworm-slim@sha256:f576cc608b02e6b04bb0700e13be83eb5ceb7bb24584c3181b0f4ecfa0cd0edf

FROM node:${NODE} AS viewer
WORKDIR /static
COPY static/package.json static/package-lock.json static/.npmrc ./
COPY static/packages/stream/package.json packages/stream/
RUN npm ci --omit=dev --no-audit --no-fund
COPY static ./
RUN npm run build

FROM python:${PYTHON} AS build
WORKDIR /source
COPY requirements.lock ./
RUN pip wheel --no-cache-dir --require-hashes --wheel-dir /wheels --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY astrolabe astrolabe
COPY --from=viewer /static/dist static/dist
# Only what Astrolabe itself needs is installed, and only from the wheels whose hashes were checked. It is
# compiled here: the root file system of a pod is read-only.
RUN pip install --no-cache-dir --no-index --find-links /wheels hatchling \
    && pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/astrolabe \
    && pip --python /opt/astrolabe/bin/python install --no-cache-dir --no-index --find-links /wheels 'astrolabe-k8s[server]'

FROM python:${PYTHON}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Astrolabe" \
      org.opencontainers.image.description="A live graph of a Kubernetes cluster, over REST and WebSocket" \
      org.opencontainers.image.version="1.0.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/astrolabe /opt/astrolabe
# The user below is in no list of users, which would name its home.
ENV PATH=/opt/astrolabe/bin:$PATH \
    HOME=/ \
    ASTROLABE_HOST=0.0.0.0 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number, so that Kubernetes can tell that it is not root (runAsNonRoot).
USER 65532:65532
WORKDIR /
EXPOSE 8080
# Where it listens, and whether by TLS, it reads from the same environment. Kubernetes has probes of its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["python", "-m", "astrolabe.healthcheck"]
ENTRYPOINT ["astrolabe"]
