package main

import (
	"encoding/json"
	"math"

	"trapline/sim/explore"
)

// line is the JSON object for a pair. The order and the names of the fields are
// an interface.
type line struct {
	Scenario    string   `json:"scenario"`
	Design      string   `json:"design"`
	Model       string   `json:"model"`
	Strategy    string   `json:"strategy"`
	Verdict     string   `json:"verdict"`
	Kind        string   `json:"kind"`
	Title       string   `json:"title"`
	Complete    bool     `json:"complete"`
	Executions  int      `json:"executions"`
	Blocked     int      `json:"blocked"`
	Steps       int      `json:"steps"`
	Preemptions int      `json:"preemptions"`
	ElapsedS    float64  `json:"elapsed_s"`
	Replay      string   `json:"replay"`
	ClaimHeld   bool     `json:"claim_held"`
	Titles      []string `json:"titles"`
	Coverage    string   `json:"coverage"`
	// Estimate is there if the search is not complete and is known to be of a
	// certain size, as far as that can be known.
	Estimate *estimateLine `json:"estimate,omitempty"`
	// Shard is there if the search was a part of one.
	Shard *shardLine `json:"shard,omitempty"`
}

// estimateLine says how many executions there are going to be.
type estimateLine struct {
	Executions float64 `json:"executions"`
	Error      float64 `json:"error"` // the standard error
	Made       int     `json:"made"`  // of them
	// Within is there if the estimate is about a part of the search.
	Within string `json:"within,omitempty"`
}

func (a *app) printJSON(c *checked, p program) {
	r := c.result
	l := line{
		Scenario: c.pair.scenario, Design: c.pair.design, Model: r.Memory.String(), Strategy: r.Strategy,
		Verdict: r.Verdict(), Complete: r.Complete, Executions: r.Executions, Blocked: r.Blocked, Steps: r.Steps,
		ElapsedS:  math.Round(c.elapsed.Seconds()*1e6) / 1e6,
		ClaimHeld: c.held == nil && r.Part == nil, Titles: titles(r), Coverage: r.Coverage(),
		Shard: shardOf(c, p),
	}
	if !r.Complete && r.Estimate.Probes > 0 {
		e := r.Estimate
		l.Estimate = &estimateLine{math.Round(e.Traces), math.Round(e.Error), e.Made, e.Within}
	}
	switch {
	case len(r.Findings) > 0:
		f := r.Findings[0]
		l.Kind, l.Title, l.Preemptions = f.Violation.Kind.Name, f.Violation.Title, f.Preemptions
		l.Replay = recipeOf(c.pair, f, c.settings).String()
	case r.Strategy == explore.Bounded:
		l.Preemptions = r.Preemptions
	}
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	_ = e.Encode(l)
}
