#!/usr/bin/env bash
# Train the run that ships: from a face set to the folder that lies in the package.
#     benchmarks/ship.sh FACES OUT
# FACES is of CelebA and of Labeled Faces in the Wild, aligned, with people in one split each (see
# benchmarks/split_people.py), or what `benchmarks/carry.py pack` made of it, to bring it elsewhere.
# Every step can be stopped and gone on with by the same command. On two cores it takes some five
# hours; on an H100, BASE=100 SHARP=60 fills nine minutes (not tried on one yet).
set -euo pipefail
place="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "$2"
faces="$(realpath "$1")" out="$(realpath "$2")"
if [[ "$faces" == *.npz ]]; then
  [[ -f "$out/faces/faceset.json" ]] || python "$place/carry.py" unpack "$faces" "$out/faces"
  faces="$out/faces"
fi
cd "$out"
nets=networks
lik train-classifier "$faces" $nets/train epochs="${NET:-15}"
lik train-classifier "$faces" $nets/plain model.name=attributes-plain seed=2 epochs="${NET:-15}"
[[ -f $nets/person/model.safetensors ]] ||
  python "$place/people.py" "$faces" $nets/person --half A --start $nets/train --epochs "${PEOPLE:-14}"
lik train residual "$faces" runs/base objective.features.network=$nets/person epochs="${BASE:-24}"
python "$place/ship.py" round runs/base runs/rounded
lik fit-prior runs/rounded "$faces" --prior gmm --components 16 --means --spread 1.1 --name faces
lik sharpen runs/rounded "$faces" runs/sharp --classifier runs/rounded/features.safetensors epochs="${SHARP:-7}"
lik fit-directions runs/sharp "$faces" --classifier $nets/train --classifier $nets/plain
lik fit-directions runs/sharp "$faces" --method guided --distil \
  --classifier $nets/train --classifier $nets/plain --classifier runs/sharp/features.safetensors
rm -rf faces-ships
python "$place/ship.py" pack runs/sharp faces-ships --faces "$faces"
