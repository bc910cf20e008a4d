"""Names that are part of the API: group, labels, annotations, reasons. They change only with the API's version."""

from typing import Final

GROUP: Final = "agentschedule.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
MANAGER: Final = "agentschedule-operator"

# Labels, on Jobs and on their pods.
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_SCHEDULE: Final = f"{GROUP}/schedule"
LABEL_SCHEDULE_UID: Final = f"{GROUP}/schedule-uid"
SELECTOR: Final = f"{LABEL_MANAGED_BY}={MANAGER},{LABEL_SCHEDULE_UID}"

# Annotations on Jobs.
ANNOTATION_SCHEDULED_AT: Final = f"{GROUP}/scheduled-at"
ANNOTATION_TRIGGER: Final = f"{GROUP}/trigger"
ANNOTATION_ATTEMPT: Final = f"{GROUP}/attempt"
ANNOTATION_ASKED_AT: Final = f"{GROUP}/asked-at"
ANNOTATION_ITERATION: Final = f"{GROUP}/iteration"
ANNOTATION_BUDGET: Final = f"{GROUP}/budget-usd"
ANNOTATION_AGENT_RUN: Final = f"{GROUP}/agent-run"
ANNOTATION_AGENT_RUN_UID: Final = f"{GROUP}/agent-run-uid"
ANNOTATION_STOPPED: Final = f"{GROUP}/stopped"
ANNOTATION_KEEP: Final = f"{GROUP}/keep"
ANNOTATION_APPROVAL: Final = f"{GROUP}/approval"
ANNOTATION_APPROVED_BY: Final = f"{GROUP}/approved-by"
ANNOTATION_APPROVED_AT: Final = f"{GROUP}/approved-at"
ANNOTATION_APPROVAL_REASON: Final = f"{GROUP}/approval-reason"
ANNOTATION_POLICIES: Final = f"{GROUP}/policies"

# Annotation on session volumes.
ANNOTATION_SCHEDULE_UID: Final = f"{GROUP}/schedule-uid"

# Annotation on pods, mounted as the context file.
ANNOTATION_CONTEXT: Final = f"{GROUP}/context"

# Annotations on AgentSchedules, by which people ask for something.
ANNOTATION_PAUSED: Final = f"{GROUP}/paused"
ANNOTATION_PAUSED_UNTIL: Final = f"{GROUP}/paused-until"
ANNOTATION_PAUSED_BY: Final = f"{GROUP}/paused-by"
ANNOTATION_RESUME: Final = f"{GROUP}/resume"
ANNOTATION_SKIP: Final = f"{GROUP}/skip"
ANNOTATION_REDELIVER: Final = f"{GROUP}/redeliver"

# Annotations on AgentSchedules that say who wrote them; they name nobody but whoever did.
ANNOTATION_CREATED_BY: Final = f"{GROUP}/created-by"
ANNOTATION_CHANGED_BY: Final = f"{GROUP}/changed-by"

# Labels of Kubernetes' own that we read or carry.
LABEL_JOB_NAME: Final = "batch.kubernetes.io/job-name"
LABEL_QUEUE_NAME: Final = "kueue.x-k8s.io/queue-name"

# The run, as the agent sees it.
AGENT_CONTAINER: Final = "agent"
CONTEXT_DIR: Final = "/var/run/agentschedule"
CONTEXT_FILE: Final = f"{CONTEXT_DIR}/context.json"
SESSION_DIR: Final = "/var/lib/agentschedule/session"
SESSION_VOLUME: Final = "session"
RESULT_FILE: Final = "/dev/termination-log"
RESULT_BYTES: Final = 4096
STATE_BYTES: Final = 2048
SUMMARY_BYTES: Final = 512
OUTPUT_URI_BYTES: Final = 512
MESSAGE_BYTES: Final = 1024
INPUT_BYTES: Final = 16 * 1024
CONTEXT_BYTES: Final = 16 * 1024
DELIVERY_CONFIG_BYTES: Final = 16 * 1024
NAME_LENGTH: Final = 48
RESTRICTED_OPERATIONS: Final = ("delete_data", "send_email", "make_purchase", "modify_permissions")
