#!/bin/sh
# The second broker of the tests, and a client that others wrote: mosquitto, as Debian and its children package it. Says what it does; changes nothing
# where it is there already.
set -eu
if { command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ]; } && command -v mosquitto_pub >/dev/null; then
  echo "mosquitto is installed: $(PATH="$PATH:/usr/sbin" mosquitto -h | head -n 1)"
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "mosquitto is not installed, and there is no apt-get here: install it by hand; without it its tests are skipped" >&2
  exit 1
fi
echo "installing the packages mosquitto and mosquitto-clients with apt-get (needs root)"
apt-get update -qq
apt-get install -y -qq --no-install-recommends mosquitto mosquitto-clients
echo "installed: $(PATH="$PATH:/usr/sbin" mosquitto -h | head -n 1)"
