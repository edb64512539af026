#!/usr/bin/env bash
# All that a GPU is needed for: the tests that wait for one, then the times of a step, of getting
# going, and of the paper's whole trainings beside a plain loop.
#     benchmarks/gpu.sh [PYTHON]
set -euo pipefail
cd "$(dirname "$0")/.."
python="${1:-python}"
"$python" -m pytest -m gpu --timeout 900
"$python" -m lik doctor
for settings in device.compile=false device.compile=true; do
  "$python" benchmarks/step.py "$settings"
done
"$python" benchmarks/startup.py
"$python" benchmarks/training.py --device cuda --loop-epochs 2
