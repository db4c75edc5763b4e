#!/bin/bash
# One run for each region: sbatch slurm.sh
#SBATCH --job-name=report
#SBATCH --array=0-3
#SBATCH --output=report-%A-%a.log
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=01:00:00
#SBATCH --signal=B:TERM@120

regions=(north south east west)
name=report-$SLURM_JOB_ID

# Docker's containers are not Slurm's processes: what ends the job has to end the container.
# In a session of its own, the client does not hear the signal that the trap passes on.
trap 'docker stop --time=30 "$name" >/dev/null' TERM
setsid docker run --rm --sig-proxy=false --pull=always --name="$name" --user="$(id -u):0" \
    --cpus="${SLURM_CPUS_PER_TASK:-1}" --memory=2g \
    --volume="$HOME/.report:/run/secrets:ro" \
    --env=AWS_SHARED_CREDENTIALS_FILE=/run/secrets/aws-credentials \
    --env=KERNEL_CONTAINERS_OUTPUT=s3://bucket/reports \
    registry.example/team/report:1 -p region "${regions[SLURM_ARRAY_TASK_ID]}" -p weeks 13 \
    --timeout=3300 --grace=10 &

# A trap ends `wait`, and not what it waited for.
wait $!
code=$?
while kill -0 $! 2>/dev/null; do
    wait $!
    code=$?
done
exit "$code"
