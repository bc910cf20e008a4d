# The operator's image. Needs BuildKit (Docker) or buildah; `make image` uses either.
#
# Both stages start from the same base, so that the virtual environment finds the Python it was made with.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS builder
WORKDIR /build
# Settings of the machine that builds (package index, certificates) may be given as build secrets; they stay out
# of every layer. Without them pip works as it comes.
ENV PIP_CONFIG_FILE=/run/secrets/pip.conf \
    PIP_CACHE_DIR=/var/cache/pip \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_COMPILE=1 \
    PIP_QUIET=1 \
    PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv tools && python3 -m venv --without-pip /opt/agentschedule
COPY requirements.txt requirements-dev.txt ./
# The second file gives the build backend, with what it needs, in the locked versions.
#
# Bytecode is made here, since a container with a read-only root cannot keep any. Most of the image is the Kubernetes
# client, of which the operator wants credentials and connections: its asynchronous twin goes, and of its generated
# models only the bytecode stays, without documentation.
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca-bundle.pem --mount=type=cache,target=/var/cache/pip \
    awk '/^[a-z]/ {wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/} wanted' \
        requirements-dev.txt > requirements-build.txt \
    && tools/bin/pip install --require-hashes --only-binary :all: --requirement requirements-build.txt \
    && tools/bin/pip --python /opt/agentschedule/bin/python install \
        --require-hashes --only-binary :all: --requirement requirements.txt \
    && cd /opt/agentschedule \
    && rm -rf include bin/[Aa]ctivate* lib/python3*/site-packages/*/tests lib/python3*/site-packages/kubernetes/aio \
    && cd lib/python3*/site-packages/kubernetes/client \
    && /opt/agentschedule/bin/python -m compileall -q -j0 -b -o2 --invalidation-mode unchecked-hash api models \
    && find api models -name '*.py' -delete \
    && /opt/agentschedule/bin/python -m compileall -q -j0 --invalidation-mode unchecked-hash /opt/agentschedule/lib
COPY LICENSE README.md pyproject.toml ./
COPY operator operator
RUN tools/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && tools/bin/pip --python /opt/agentschedule/bin/python install --no-deps --no-index dist/*.whl \
    && /opt/agentschedule/bin/python -m compileall -q --invalidation-mode unchecked-hash \
        /opt/agentschedule/lib/python3*/site-packages/agentschedule

FROM ${BASE_IMAGE}
# Nothing is installed in a running container: remove the installers that the base brings.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/ensurepip /usr/local/lib/python3*/site-packages/* \
        /usr/lib/python3*/ensurepip /usr/lib/python3/dist-packages/pip* /usr/share/python-wheels
COPY --from=builder /opt/agentschedule /opt/agentschedule
# A name and a home for whatever user id the platform gives; none has an entry in the base's /etc/passwd.
ENV HOME=/tmp \
    LOGNAME=agentschedule \
    PATH=/opt/agentschedule/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="agentschedule-operator" \
      org.opencontainers.image.description="A Kubernetes operator that runs AI agents on schedules" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["/opt/agentschedule/bin/agentschedule-operator"]
