package sim

// CPU is the number of the CPU that k runs on.
func CPU(k *K) int { return k.cpu() }
