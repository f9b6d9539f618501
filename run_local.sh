#!/usr/bin/env bash
# Svod on this machine, from two made-up stores to a local Bitrix24. See --help below.
set -euo pipefail
here=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)

for argument; do
  case $argument in
    -h | --help)
      cat <<'HELP'
usage: ./run_local.sh [OPTION]…

Installs what is missing, makes two stores full of dirty customers, starts a local Bitrix24 and a
local company register, runs "svod full" from the stores into the CRM, and holds the result against
the truth. Run again, it changes nothing. All of it stands in one folder, nothing is left running.

  --scale S      size of the stores; default 0.01; 1 is 53,000 companies and 75,000 contacts in
                 store A, 125,000 organisations and 600,000 persons in store B
  --seed N       another world of the same size; default 1
  --speed N      how many times as much as the real services Bitrix24 and the register allow;
                 default 60; 1 is the real thing, with its waits
  --shop         a third store beside the two: a PostgreSQL with tables of its own, and a workbook
                 and a CSV file as 1C writes them, which svod reads as svod.toml says; PostgreSQL
                 stands in a temporary folder, and is filled anew each time
  --delta        afterwards start Kafka and let svod follow both stores, change them, and show how
                 soon the CRM has it; the next run makes a new world
  --keep         afterwards leave everything up until Ctrl-C, to play with
  --fresh        forget what an earlier run made and loaded
  --folder DIR   where to work; default .sandbox beside this script

Exit codes are svod's: 0 done; 1 failed, or the CRM is not as it should be; 2 wrong usage; 3 done
but not complete. Ctrl-C gives 130; the next run goes on from there.
HELP
      exit
      ;;
  esac
done

setup=()
for argument; do
  case $argument in
    --delta) setup+=(--kafka) ;;
    --shop) setup+=(--postgresql) ;;
  esac
done
"$here/scripts/setup" "${setup[@]}"
exec "$here/.venv/bin/python" -P -m sandbox.local.run "$@"
