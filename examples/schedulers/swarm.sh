#!/bin/sh
# On a manager of the swarm, once:
#     docker secret create token token
#     docker secret create aws-credentials aws-credentials
# A job runs once; again: docker service update --force report
exec docker service create --name=report --mode=replicated-job --with-registry-auth \
    --restart-condition=none --stop-grace-period=30s --limit-memory=2g \
    --secret=source=token,gid=0,mode=0440 \
    --secret=source=aws-credentials,gid=0,mode=0440 \
    --env=AWS_SHARED_CREDENTIALS_FILE=/run/secrets/aws-credentials \
    --env=KERNEL_CONTAINERS_OUTPUT=s3://bucket/reports \
    registry.example/team/report:1 -p region north -p weeks 13 --timeout=3300 --grace=10
