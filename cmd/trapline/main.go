// Command trapline asks what can go wrong in designs for kernel probes, by
// trying every order in which their tasks can run.
//
// Each subcommand has a file of its own; root.go is what they share. Everything
// about the catalogue of scenarios goes through catalogue.go.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }
