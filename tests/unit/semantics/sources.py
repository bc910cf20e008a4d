"""Where what others do was read: a repository with path and symbol, or the title of a documentation page."""

from typing import Final

_K8S: Final = "kubernetes/kubernetes, pkg/controller/cronjob"
_FURIKO: Final = "furiko-io/furiko"
_TEMPORAL: Final = "temporalio/temporal, service/worker/scheduler"

SOURCES: Final = {
    "k8s-sync": f"{_K8S}/cronjob_controllerv2.go: syncCronJob",
    "k8s-missed": f"{_K8S}/utils.go: mostRecentScheduleTime, nextScheduleTime",
    "k8s-validation": (
        "kubernetes/kubernetes, pkg/apis/batch/validation/validation.go: validateScheduleFormat, validateTimeZone"
    ),
    "k8s-owner": f"{_K8S}/utils.go: getJobFromTemplate2; cronjob_controllerv2.go: syncCronJob",
    "k8s-fields": "Kubernetes API reference, CronJobSpec",
    "k8s-page": 'Kubernetes documentation, "CronJob"',
    "k8s-job": 'Kubernetes documentation, "Jobs"',
    "robfig-doc": "robfig/cron (the CronJob controller's parser), doc.go",
    "robfig-next": "robfig/cron, spec.go: SpecSchedule.Next, dayMatches",
    "robfig-test": "robfig/cron, spec_test.go: TestNext",
    "robfig-parser": "robfig/cron, parser.go: getRange, parseDescriptor",
    "furiko-worker": f"{_FURIKO}, pkg/execution/controllers/croncontroller/cron_worker.go: Work, syncOne",
    "furiko-reconciler": (f"{_FURIKO}, pkg/execution/controllers/croncontroller/reconciler.go: processCronForConfig"),
    "furiko-schedule": f"{_FURIKO}, pkg/execution/util/cronschedule/schedule.go: getInitialTimeForScheduling, Bump",
    "furiko-queue": (
        f"{_FURIKO}, pkg/execution/controllers/jobqueuecontroller/reconciler_perjobconfig.go: canStartJob"
    ),
    "furiko-jobconfig": f"{_FURIKO}, apis/execution/v1alpha1/jobconfig_types.go",
    "furiko-job": f"{_FURIKO}, apis/execution/v1alpha1/job_types.go",
    "furiko-config": f"{_FURIKO}, apis/config/v1alpha1/dynamicconfig_types.go",
    "furiko-mutation": f"{_FURIKO}, pkg/execution/mutation/mutation.go: MutateUpdateJobConfig",
    "furiko-validation": f"{_FURIKO}, pkg/execution/validation/validation.go: ValidateCronSchedule, ValidateTimezone",
    "furiko-name": f"{_FURIKO}, pkg/execution/util/jobconfig/job.go: NewJobFromJobConfig",
    "furiko-zone": f"{_FURIKO}, pkg/core/tzutils/parse.go: ParseTimezone",
    "cronexpr-doc": "furiko-io/cronexpr (Furiko's parser), README.md",
    "cronexpr-next": "furiko-io/cronexpr, cronexpr_next.go: calculateActualDaysOfMonth",
    "cronexpr-test": "furiko-io/cronexpr, cronexpr_test.go: TestPeriodicConfig_DSTChange_Transitions and what follows",
    "temporal-calendar": f"{_TEMPORAL}/calendar.go: compiledCalendar.next, matches",
    "temporal-test": f"{_TEMPORAL}/calendar_test.go: TestCalendarNextDST",
    "temporal-cron": f"{_TEMPORAL}/calendar.go: parseCronString, makeRange",
    "temporal-spec": f"{_TEMPORAL}/spec.go: NewCompiledSpec, validateInterval, GetNextTime",
    "temporal-range": f"{_TEMPORAL}/workflow.go: processTimeRange",
    "temporal-run": f"{_TEMPORAL}/workflow.go: run, getRetentionExpiration",
    "temporal-buffer": f"{_TEMPORAL}/buffer.go: ProcessBuffer",
    "temporal-start": f"{_TEMPORAL}/workflow.go: startWorkflow",
    "temporal-limits": f"{_TEMPORAL}/workflow.go: CurrentTweakablePolicies, addStart",
    "temporal-patch": f"{_TEMPORAL}/workflow.go: processPatch, canTakeScheduledAction",
    "temporal-watch": f"{_TEMPORAL}/workflow.go: processWatcherResult",
    "temporal-delete": "temporalio/temporal, service/frontend/workflow_handler.go: DeleteSchedule",
    "temporal-page": 'Temporal documentation, "Schedule"',
}
"""Keys are named in the cases; the page numbers them in this order."""
