#!/bin/sh
# The browser tests drive a real Chromium, without a window. Where there is none, install Debian's: the build that never
# has a window, which needs half the processor's time, or the whole browser where that is not packaged.
set -eu
for name in "${COVSTUDIO_CHROMIUM:-}" /usr/bin/chromium-headless-shell /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
    if [ -n "$name" ] && [ -x "$name" ]; then exit 0; fi
done
if command -v apt-get >/dev/null 2>&1; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    echo "Installing Chromium for the browser tests"
    $sudo apt-get update -qq
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get install -y -qq chromium-headless-shell >/dev/null 2>&1 || $sudo apt-get install -y -qq chromium >/dev/null
    exit 0
fi
echo "The browser tests need Chromium: install it, or set COVSTUDIO_CHROMIUM to its path." >&2
exit 1
