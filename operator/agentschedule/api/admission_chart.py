"""The admission policies as a template of the chart: names, and who the operator is, are the release's."""

from pathlib import Path
from typing import Final

from agentschedule.api.admission import approvals_policy, authors_policy, binding
from agentschedule.api.text import NOTICE, escaped, yaml_text

CHART_ADMISSION: Final = Path("charts/agentschedule-operator/templates/admissionpolicies.yaml")

_WHERE: Final = '  {{- include "agentschedule-operator.whereAdmitted" . | nindent 2 }}\n'


def admission_template() -> str:
    """The text of the template."""
    prefix, operator, name = "PREFIX", "OPERATOR", 'include "agentschedule-operator.fullname" .'
    documents = []
    for policy in (approvals_policy(prefix, operator), authors_policy(prefix)):
        bound = binding(policy["metadata"]["name"])
        for document in (policy, bound):
            head = {key: document[key] for key in ("apiVersion", "kind", "metadata")}
            labels = '  labels:\n    {{- include "agentschedule-operator.labels" . | nindent 4 }}\n'
            where = (
                '  {{- include "agentschedule-operator.whereAdmitted" . | nindent 2 }}\n' if document is bound else ""
            )
            documents.append(
                f"{escaped(yaml_text(head))}{labels}{escaped(yaml_text({'spec': document['spec']}))}{where}"
            )
    user = 'system:serviceaccount:{{ .Release.Namespace }}:{{ include "agentschedule-operator.serviceAccountName" . }}'
    text = "---\n".join(documents).replace(prefix, f"{{{{ {name} }}}}").replace(operator, user)
    return f"{{{{- /* {NOTICE} */ -}}}}\n{{{{- if .Values.admissionPolicies.create }}}}\n{text}{{{{- end }}}}\n"
