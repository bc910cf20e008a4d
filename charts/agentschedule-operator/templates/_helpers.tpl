{{/* Name of the chart. */}}
{{- define "agentschedule-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Name of the resources. */}}
{{- define "agentschedule-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "agentschedule-operator.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Labels by which the pod is selected; they never change. */}}
{{- define "agentschedule-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "agentschedule-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of all resources. */}}
{{- define "agentschedule-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "agentschedule-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Name of the service account. */}}
{{- define "agentschedule-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "agentschedule-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The image. */}}
{{- define "agentschedule-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{/* Port at which the operator listens. */}}
{{- define "agentschedule-operator.port" -}}
{{- .Values.settings.http_port | default 8080 | int }}
{{- end }}

{{/* Whether one of several operators is elected leader: something, or nothing. */}}
{{- define "agentschedule-operator.elected" -}}
{{- if ne (toString .Values.settings.leader_election) "false" }}yes{{ end }}
{{- end }}

{{/* Name of the leader's Lease: another one for each release. */}}
{{- define "agentschedule-operator.lease" -}}
{{- default (include "agentschedule-operator.fullname" .) .Values.settings.lease_name }}
{{- end }}

{{/* Namespace of the leader's Lease. */}}
{{- define "agentschedule-operator.leaseNamespace" -}}
{{- default .Release.Namespace .Values.settings.lease_namespace }}
{{- end }}

{{/* Where the admission policies hold. */}}
{{- define "agentschedule-operator.whereAdmitted" -}}
{{- with .Values.watchNamespaces -}}
matchResources:
  namespaceSelector:
    matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: In
        values:
          {{- toYaml . | nindent 10 }}
{{- end }}
{{- end }}

{{/* Whether the operator finds the admission policies. */}}
{{- define "agentschedule-operator.admissionRules" -}}
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingadmissionpolicies, validatingadmissionpolicybindings]
  resourceNames:
    - {{ include "agentschedule-operator.fullname" . }}-approvals
    - {{ include "agentschedule-operator.fullname" . }}-authors
  verbs: [get]
{{- end }}

{{/* The settings file. Helm drops a value that is null, so the word stands for it. */}}
{{- define "agentschedule-operator.settings" -}}
{{- $settings := dict }}
{{- if include "agentschedule-operator.elected" . }}
{{- $_ := set $settings "leader_election" true }}
{{- $_ := set $settings "lease_name" (include "agentschedule-operator.lease" .) }}
{{- end }}
{{- $_ := set $settings "admission_policies" (include "agentschedule-operator.fullname" .) }}
{{- range $name, $value := .Values.settings }}
{{- $_ := set $settings $name (ternary nil $value (eq (toString $value) "null")) }}
{{- end }}
{{- if .Values.webhook.enabled }}
{{- $_ := set $settings "webhook_certificates" "/etc/agentschedule-webhook" }}
{{- end }}
{{- $delivery := deepCopy (.Values.settings.delivery | default dict) }}
{{- if not .Values.delivery.enabled }}
{{- $_ := set $delivery "enabled" false }}
{{- end }}
{{- if .Values.delivery.volume }}
{{- $_ := set $delivery "log_directory" "/var/lib/agentschedule/deliveries" }}
{{- end }}
{{- with $delivery }}
{{- $_ := set $settings "delivery" . }}
{{- end }}
{{- with .Values.watchNamespaces }}
{{- $_ := set $settings "namespaces" . }}
{{- if $.Values.policies }}
{{- $_ := set $settings "policies_file" "/etc/agentschedule/policies.yaml" }}
{{- end }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{/* The file with AgentPolicies: each value is the spec of one, by name. */}}
{{- define "agentschedule-operator.policies" -}}
{{- range $name, $spec := .Values.policies }}
---
{{ toYaml (dict "apiVersion" "agentschedule.dev/v1alpha1" "kind" "AgentPolicy" "metadata" (dict "name" $name) "spec" $spec) }}
{{- end }}
{{- end }}

{{/* The operator, as a subject of flow control. */}}
{{- define "agentschedule-operator.flowSubjects" -}}
- kind: ServiceAccount
  serviceAccount:
    name: {{ include "agentschedule-operator.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}

{{/* What the operator may do, and all that it may do, but for the Lease of its leader. */}}
{{- define "agentschedule-operator.rules" -}}
- apiGroups: [agentschedule.dev]
  resources: [agentschedules, agentruns]
  verbs: [get, list, watch]
- apiGroups: [agentschedule.dev]
  resources: [agentschedules/status, agentruns/status]
  verbs: [get, patch]
# A run asked for by hand gets its schedule as owner.
- apiGroups: [agentschedule.dev]
  resources: [agentruns]
  verbs: [patch]
# Runs that a person has to approve. Who decides is none of the operator's business.
- apiGroups: [agentschedule.dev]
  resources: [agentapprovals]
  verbs: [get, list, watch, create, delete]
- apiGroups: [agentschedule.dev]
  resources: [agentapprovals/status]
  verbs: [patch]
# For owner references that block deletion, where the API server checks them.
- apiGroups: [agentschedule.dev]
  resources: [agentschedules/finalizers]
  verbs: [update]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
# The volume of a session that is shared by all runs.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, create, patch]
{{- if or .Values.delivery.enabled .Values.agentPins.enabled }}
# What schedules name, in their own namespace: the Secret of an AgentPin, and those of deliveries.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}
# What keeps a run from starting is told by Events.
- apiGroups: [""]
  resources: [events]
  verbs: [list, create, patch]
{{- if .Values.delivery.enabled }}
# The agent's log, for deliveries.
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
{{- end }}
{{- end }}
