# One web process and its workers. TORCH_INDEX is the address of a wheel index of PyTorch, as its installation guide lists
# them: the CPU index for a small image, a CUDA index for NVIDIA cards. Without it torch comes from pip's own index.
# Everything else is installed at the versions and with the hashes of deploy/lock/web.txt, and BASE names the base image by
# its digest, so that a build of tomorrow starts from the same one.
#   docker build --build-arg TORCH_INDEX=... -t mce .
#   docker run -p 8501:8501 -v mce:/data mce            (with cards: --gpus all)
ARG BASE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
FROM ${BASE}

ARG TORCH_INDEX=

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    OMP_WAIT_POLICY=PASSIVE \
    LMC_HOME=/data

RUN useradd --create-home --uid 1000 explorer && install -d -o explorer -g explorer /data
WORKDIR /app

COPY requirements.txt deploy/lock/web.txt ./
RUN pip install --require-hashes -r web.txt \
    && torch=$(grep '^torch' requirements.txt) \
    && pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$torch" \
    && pip check

# Root owns the program, so the server cannot change it; everybody may read it, whatever umask it was checked out with.
COPY --chmod=755 . .

USER explorer
VOLUME /data
EXPOSE 8501
# Past any proxy that the environment names.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "from urllib.request import *; build_opener(ProxyHandler({})).open('http://127.0.0.1:8501/api/healthz', timeout=4)"]
# An address that Streamlit is not told, it asks the internet for at every start: 20 s where no answer comes.
ENTRYPOINT ["streamlit", "run", "app.py", "--server.port=8501", "--server.address=0.0.0.0", \
    "--browser.serverAddress=localhost"]
