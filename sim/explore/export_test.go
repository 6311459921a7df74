package explore

import (
	"bytes"
	"encoding/json"
)

// Seal makes a checkpoint of a state that need not be one.
func Seal(state []byte) []byte {
	var compact bytes.Buffer
	if err := json.Compact(&compact, state); err != nil {
		return state
	}
	data, err := seal(compact.Bytes())
	if err != nil {
		return state
	}
	return data
}

// Unseal is the state in a checkpoint.
func Unseal(data []byte) []byte {
	var f sealed
	_ = json.Unmarshal(data, &f)
	return f.State
}
