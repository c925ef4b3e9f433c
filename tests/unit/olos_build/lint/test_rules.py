"""Every rule fires where it should, and nowhere else."""

from pathlib import Path

import pytest

from olos_build.dockerfile import decode
from olos_build.lint import RULES, Facts, lint

SHA = "sha256:" + "0" * 64
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FROM = f"FROM base@{SHA}\n"

FIRES: dict[str, list[str]] = {
    "floating-image": [
        "FROM debian:12\n",
        "FROM localhost:5000/a\n",
        "ARG V=3\nFROM alpine:${V}\n",
        FROM + "COPY --from=busybox:1 /a /b\n",
        FROM + "RUN --mount=type=bind,from=alpine,target=/x make\n",
        "FROM $UNKNOWN\n",
    ],
    "floating-syntax": ["# syntax=docker/dockerfile:1\n" + FROM, "#syntax = a/b\n" + FROM],
    "apt-unpinned": [
        "RUN apt-get update && apt-get install -y --no-install-recommends curl git=1:2\n",
        "RUN <<E\nset -e\napt-get -qq install -t stable curl\nE\n",
        'RUN ["apt-get", "install", "curl"]\n',
        "RUN DEBIAN_FRONTEND=noninteractive sudo -E apt install curl\n",
        "RUN bash -c 'apt-get install -y curl'\n",
        "ONBUILD RUN apt-get install curl\n",
    ],
    "apk-unpinned": [
        "RUN apk add --no-cache curl\n",
        "RUN apk --no-cache add -t .deps gcc~=12 musl-dev=1.2-r0\n",
    ],
    "rpm-unpinned": ["RUN dnf install -y curl\n", "RUN microdnf -y install python3 && true\n"],
    "system-upgrade": [
        "RUN apt-get update && apt-get -y upgrade\n",
        "RUN apk upgrade --no-cache\n",
        "RUN yum -y update\n",
    ],
    "apt-cache-left": [
        "RUN apt-get update && apt-get install a=1\n",
        "RUN apt-get update\nRUN rm -rf /var/lib/apt/lists/*\n",
    ],
    "apk-cache-left": ["RUN apk add a=1-r0\n", "RUN apk update && apk add --no-cache a=1-r0\n"],
    "dnf-cache-left": ["RUN dnf install -y a-1.2-3\n", "RUN yum makecache\n"],
    "pip-unpinned": [
        "RUN pip install flask\n",
        "RUN python3 -m pip install -U pip 'requests>=2,<3'\n",
        "RUN pip install git+https://example.org/a.git@main\n",
        "RUN uv pip install --system flask\n",
        "RUN pip3.11 install https://example.org/a-1.whl\n",
    ],
    "pip-no-hashes": [
        "RUN pip install flask==3.0.0\n",
        "RUN pip install -r requirements.txt\n",
        "RUN pip install .\n",
    ],
    "pip-cache-left": ["RUN pip install a==1\n", "RUN python -m pip download a==1\n"],
    "python-bytecode": [
        "RUN pip install --no-cache-dir a==1\n",
        "ENV PYTHONDONTWRITEBYTECODE=1\nRUN pip install a==1\n",
        "RUN python manage.py collectstatic\n",
        "RUN python3 -m app.setup\n",
    ],
    "npm-install": [
        "RUN npm install\n",
        "RUN npm i -g typescript\n",
        "RUN npm install -g npm@latest\n",
        "RUN yarn\n",
        "RUN pnpm install --prod\n",
        "RUN yarn global add serve\n",
    ],
    "npm-cache-left": ["RUN npm ci\n", "RUN npm install --omit=dev\n"],
    "gem-unpinned": ["RUN gem install bundler\n", "RUN gem install --no-document rake rails:7.0\n"],
    "cargo-unpinned": [
        "RUN cargo install ripgrep\n",
        "RUN cargo install ripgrep@14.1.0\n",
        "RUN cargo install --git https://example.org/a --locked\n",
    ],
    "go-unpinned": [
        "RUN go install example.org/x/y@latest\n",
        "RUN go get example.org/x/y\n",
        "RUN CGO_ENABLED=0 go install -ldflags '-s' example.org/x/y@main\n",
    ],
    "pipe-to-shell": [
        "RUN curl -fsSL https://e.org/i | sh\n",
        "RUN wget -qO- https://e.org/i | sudo -E bash -\n",
        'RUN sh -c "$(curl -fsSL https://e.org/i)"\n',
        "RUN bash <(curl -s https://e.org/i)\n",
        "RUN curl https://e.org/i | tee /x | python3 -\n",
        "RUN eval `curl https://e.org/i`\n",
    ],
    "download-unchecked": [
        "RUN curl -o /a https://e.org/a\n",
        "ENV V=1\nRUN cd /tmp \\\n && wget https://e.org/a-$V.tgz && tar xf a-1.tgz\n",
        "RUN curl -L https://e.org/a.tgz | tar xz\n",
    ],
    "git-clone-moving": [
        "RUN git clone https://e.org/a.git\n",
        "RUN git clone --depth 1 -b v1.2.3 https://e.org/a.git /a && make -C /a\n",
    ],
    "add-url-checksum": ["ADD https://e.org/a.tgz /a\n", "ADD --chmod=755 a http://e.org/b /c/\n"],
    "add-git-commit": [
        "ADD https://e.org/a.git#main /a\n",
        "ADD git@e.org:a/b.git /a\n",
    ],
    "pipe-hides-failure": [
        "RUN curl https://e.org/a | tar x\n",
        "RUN wget -O- https://e.org/a | gunzip > /a\n",
    ],
    "clock": [
        "RUN date > /built\n",
        'RUN echo "built at $(date -u +%F)" > /x\n',
        "RUN V=`date +%s` && make\n",
        'SHELL ["/bin/bash", "-c"]\nRUN echo $EPOCHSECONDS\n',
    ],
    "random": [
        "RUN echo $RANDOM > /x\n",
        "RUN uuidgen > /etc/id\n",
        "RUN head -c 16 /dev/urandom | base64 > /key\n",
        "RUN openssl rand -hex 16 > /key\n",
        "RUN p=$((RANDOM % 10)); echo $p\n",
    ],
    "random-name": ["RUN d=$(mktemp -d) && cp a $d\n", "RUN mktemp /var/x.XXXX\n"],
    "key-generated": [
        "RUN ssh-keygen -A\n",
        "RUN openssl req -x509 -newkey rsa:2048 -nodes -out /c -keyout /k\n",
        "RUN openssl genrsa 2048 > /k\n",
    ],
    "build-date": [
        "ARG D\nLABEL org.opencontainers.image.created=$D\n",
        "ENV BUILD_DATE=2024-01-01\n",
    ],
    "build-machine": ["RUN uname -a > /x\n", "RUN echo $(hostname) > /x\n"],
    "secret-value": [
        "ENV DB_PASSWORD=hunter2\n",
        "ARG API_KEY=abcdef\n",
        "ARG T\nENV AUTH_TOKEN=$T\n",
        "ENV awsSecretAccessKey x\n",
    ],
    "secret-argument": ["ARG NPM_TOKEN\n", "ARG DEPLOY_KEY=\n"],
    "secret-token": [
        "RUN git config url.https://ghp_" + "a" * 36 + "@github.com\n",
        "ENV X=AKIA" + "A" * 16 + "\n",
        "COPY <<E /k\n-----BEGIN RSA PRIVATE KEY-----\nE\n",
        "RUN pip install --index-url https://me:hunter2@e.org/simple a==1\n",
    ],
    "context-without-ignore": ["COPY . /app\n", "ADD ./ /app\n", 'COPY [".", "/app"]\n'],
    "user-without-id": ["RUN useradd -m app\n", "RUN addgroup -S app && adduser -S -G app app\n"],
    "unknown-rule": ["# olos-lint: ignore=nonsense\nRUN true\n", "# olos-lint: ignore=\nRUN true\n"],
}

SILENT: dict[str, list[str]] = {
    "floating-image": [
        "FROM scratch\n",
        f"ARG B=a:1@{SHA}\nFROM $B AS x\nFROM x\nCOPY --from=x /a /b\nCOPY --from=0 /a /b\n",
        FROM + "RUN --mount=type=cache,target=/from=x make\n",
    ],
    "floating-syntax": [f"# syntax=docker/dockerfile:1@{SHA}\n" + FROM, "# check=skip=all\n" + FROM],
    "apt-unpinned": [
        "RUN apt-get install -y curl=8.1 ./local.deb\n",
        "RUN echo 'deb https://snapshot.debian.org/archive/debian/2024 x' > /s\nRUN apt-get install x\n",
        "# apt-get install curl\nRUN echo 'apt-get install curl' # apt-get install git\n",
        "RUN apt-get install -y $PACKAGES\n",
        "CMD apt-get install curl\n",
        "COPY <<E /x\napt-get install curl\nE\n",
    ],
    "apk-unpinned": ["RUN apk add --no-cache -t .d curl=8.1-r0\n", "RUN apk del curl && apk info\n"],
    "rpm-unpinned": ["RUN dnf install -y curl-8.1.2-3.el9\n", "RUN dnf clean all && yum repolist\n"],
    "system-upgrade": ["RUN apt-get update\n", "RUN echo apt-get upgrade && npm ci\n"],
    "apt-cache-left": [
        "RUN apt-get update && apt-get install a=1 && rm -rf /var/lib/apt/lists/*\n",
        "RUN --mount=type=cache,id=a,target=/var/lib/apt apt-get install a=1\n",
    ],
    "apk-cache-left": ["RUN apk add --no-cache a=1-r0\n", "RUN apk add a=1-r0 && rm -rf /var/cache/apk/*\n"],
    "dnf-cache-left": ["RUN dnf install -y a-1 && dnf clean all\n", "RUN yum list\n"],
    "pip-unpinned": [
        "RUN pip install flask==3.0 'a[b]==1.2; python_version > \"3\"'\n",
        "RUN pip install -r requirements.txt --index-url https://e.org/simple .\n",
        f"RUN pip install git+https://e.org/a.git@{COMMIT}\n",
        'ARG V=1\nRUN pip install flask==${V} "a==$(cat v)"\n',
        "RUN pip list && pip --version\n",
    ],
    "pip-no-hashes": [
        "RUN pip install --require-hashes -r requirements.txt\n",
        "RUN pip install --no-deps .\n",
        "RUN pip install --no-index --find-links /w a\n",
    ],
    "pip-cache-left": [
        "RUN pip install --no-cache-dir a==1\n",
        "ENV PIP_NO_CACHE_DIR=1\nRUN pip install a==1\n",
        "RUN --mount=type=cache,target=/root/.cache/pip pip install a==1\n",
    ],
    "python-bytecode": [
        "RUN pip install --no-compile a==1\n",
        "ENV PYTHONDONTWRITEBYTECODE=1\nRUN python manage.py x\n",
        "ARG SOURCE_DATE_EPOCH=0\nRUN pip install a==1\n",
        "RUN pip install a==1 && find / -name '*.pyc' -delete\n",
        "RUN python -c 'print()' && python --version\n",
    ],
    "npm-install": [
        "RUN npm ci && npm run build\n",
        "RUN npm install -g typescript@5.4.2 @a/b@1.0.0\n",
        "RUN yarn install --frozen-lockfile && yarn build && yarn --version\n",
        "RUN npm config set x y\n",
    ],
    "npm-cache-left": [
        "RUN npm ci && npm cache clean --force\n",
        "RUN --mount=type=cache,target=/root/.npm npm ci\n",
    ],
    "gem-unpinned": ["RUN gem install bundler:2.5.1\n", "RUN gem install bundler -v 2.5.1 && gem list\n"],
    "cargo-unpinned": [
        "RUN cargo install --locked ripgrep@14.1.0\n",
        "RUN cargo install --locked --version 1.2.3 x && cargo build --release\n",
        "RUN cargo install --path .\n",
    ],
    "go-unpinned": [
        "RUN go install example.org/x/y@v1.2.3\n",
        "RUN go install ./... && go build && go mod download\n",
    ],
    "pipe-to-shell": [
        "RUN curl -o /i https://e.org/i && echo 'x  /i' | sha256sum -c && sh /i\n",
        "RUN echo 'curl x | sh'\n",
        "RUN curl https://e.org/a | sh -c 'cat > /x'\n",
        "RUN curl https://e.org/a | python3 -c 'import json'\n",
    ],
    "download-unchecked": [
        'RUN curl -o /a https://e.org/a && echo "$SUM  /a" | sha256sum -c -\n',
        "RUN wget https://e.org/a https://e.org/a.asc && gpg --verify a.asc a\n",
        "RUN curl -f http://localhost:80/health\n",
        "HEALTHCHECK CMD curl -f https://e.org/\n",
        "RUN curl --version\n",
    ],
    "git-clone-moving": [
        f"RUN git clone https://e.org/a.git && cd a && git checkout {COMMIT}\n",
        "ARG A_COMMIT=x\nRUN git clone https://e.org/a && git -C a checkout $OTHER_COMMIT\n",
        "RUN git --version && git init\n",
    ],
    "add-url-checksum": [f"ADD --checksum={SHA} https://e.org/a /a\n", "ADD a.tgz /a\n"],
    "add-git-commit": [f"ADD https://e.org/a.git#{COMMIT} /a\n", "ADD https://e.org/a.tgz /a\n"],
    "pipe-hides-failure": [
        "RUN set -o pipefail; curl https://e.org/a | tar x\n",
        'SHELL ["/bin/bash", "-eo", "pipefail", "-c"]\nRUN curl https://e.org/a | tar x\n',
        "RUN cat a | tar x\n",
    ],
    "clock": [
        'RUN date -u -d "@$SOURCE_DATE_EPOCH" > /x\n',
        "RUN echo date; touch date; ls # date\n",
        "RUN update --date && date --reference=/a\n",
    ],
    "random": [
        "RUN echo '$RANDOM'\n",
        "RUN openssl dgst -sha256 /a && RANDOMIZE=1 make\n",
        "RUN uuidgen --sha1 --namespace @dns --name a\n",
    ],
    "random-name": ['RUN d="$(mktemp -d)" && cp a "$d" && rm -rf "$d"\n', "RUN echo mktemp\n"],
    "key-generated": ["RUN ssh-keygen -lf /etc/key\n", "RUN openssl x509 -in /c && gpg --import /k\n"],
    "build-date": ["ENV BUILD_DIR=/x\n", "LABEL maintainer=2024-01-01\n"],
    "build-machine": ["RUN uname -m\n", "RUN echo hostname\n"],
    "secret-value": [
        "ENV DB_PASSWORD_FILE=/run/secrets/db TOKENIZERS_PARALLELISM=false\n",
        "ENV GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D PUBLIC_KEY=x\n",
        "ARG API_KEY\nENV USE_TOKEN=true KEYBOARD=us\n",
    ],
    "secret-argument": ["ARG VERSION\n", "ARG TOKEN_FILE\n"],
    "secret-token": ["RUN git clone https://$USER:$TOKEN@e.org/a\n", "ENV A=http://proxy:3128 B=AKIASHORT\n"],
    "context-without-ignore": ["COPY src /app\n", "COPY --from=x . /app\n"],
    "user-without-id": [
        "RUN useradd -m -u 10001 app && groupadd --gid=10001 g\n",
        "RUN adduser app sudo\n",
    ],
    "unknown-rule": ["# olos-lint: ignore=clock because\nRUN true\n", "# olos-lint is a linter\nRUN true\n"],
}


def found(text: str, facts: Facts = Facts()) -> list[str]:  # noqa: B008
    text = (
        text if text.lstrip("# ").startswith(("FROM", "ARG B", "ARG V=3", "syntax", "check")) else FROM + text
    )
    return [finding.rule.name for finding in lint(decode(text.encode(), Path("Dockerfile")), facts)]


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, text) for name, texts in table.items() for text in texts]


@pytest.mark.parametrize(("rule", "text"), cases(FIRES))
def test_fires(rule: str, text: str) -> None:
    assert rule in found(text)


@pytest.mark.parametrize(("rule", "text"), cases(SILENT))
def test_is_silent(rule: str, text: str) -> None:
    assert rule not in found(text)


def test_every_rule_has_cases_of_both_kinds() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert list(FIRES) == list(SILENT) == names
    assert all(len(texts) >= 2 for texts in (*FIRES.values(), *SILENT.values()))


@pytest.mark.parametrize("rule", ["floating-image", "add-url-checksum", "add-git-commit"])
def test_a_lock_pins_what_comes_from_outside(rule: str) -> None:
    for text in FIRES[rule]:
        assert rule not in found(text, Facts(locked=True))


def test_an_ignore_file_says_what_the_context_is() -> None:
    assert "context-without-ignore" not in found("COPY . /app\n", Facts(has_ignore_file=True))
