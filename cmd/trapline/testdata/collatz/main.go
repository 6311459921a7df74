// Command collatz is a program to put probes on: it halves what is even, makes
// 3n+1 of what is odd, and counts until it comes to 1.
package main

import (
	"fmt"
	"os"
	"strconv"
)

//go:noinline
func next(n uint64) uint64 {
	if n%2 == 0 {
		return n / 2
	}
	return 3*n + 1
}

//go:noinline
func collatz(n uint64) (steps int) {
	for ; n > 1; steps++ {
		n = next(n)
	}
	return steps
}

//go:noinline
func report(text string, steps int) {
	fmt.Println(text, "takes", steps, "steps")
}

func main() {
	for _, arg := range os.Args[1:] {
		n, err := strconv.ParseUint(arg, 0, 64)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		report(arg, collatz(n))
	}
}
