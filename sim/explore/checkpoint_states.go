package explore

type savedStates struct{}
