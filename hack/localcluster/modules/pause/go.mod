module agentschedule.local/localcluster/pause

go 1.26.0
