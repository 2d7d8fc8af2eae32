# The web page in a container: docker build -t fersys . && docker run --rm -p 7860:7860 fersys
# docs/hosting.md says what else it takes. `--build-arg PACKAGES=ffmpeg` adds H.264 to the Video tab.
FROM python:3.11-slim-bookworm AS build
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
WORKDIR /src
COPY requirements-app.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements-app.lock
COPY pyproject.toml README.md LICENSE ./
COPY fersys fersys
RUN pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM python:3.11-slim-bookworm
ARG PACKAGES=""
# hadolint ignore=DL3008
RUN useradd --create-home --uid 1000 fersys \
    && if [ -n "$PACKAGES" ]; then apt-get update && apt-get install -y --no-install-recommends $PACKAGES && rm -rf /var/lib/apt/lists/*; fi
COPY --from=build /venv /venv
WORKDIR /srv/fersys
COPY hub/models hub/models
COPY reports reports
COPY app app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860
USER 1000
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"GRADIO_SERVER_PORT\"]}/healthz', timeout=4)"]
# SIGTERM lets answers under way end; it takes ten seconds at most, as `docker stop` grants.
CMD ["python", "-m", "app"]
