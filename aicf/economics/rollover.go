package economics

// RolledCap is the cap of an epoch that takes over what the one before left unspent: at most
// twice the cap, however long nothing was spent (the lineage's rollover_unspent).
func RolledCap(limit, unspent uint64) (uint64, error) {
	for name, v := range map[string]uint64{"cap": limit, "unspent": unspent} {
		if err := checkAmount(name, v); err != nil {
			return 0, err
		}
	}
	return min(limit+min(unspent, limit), MaxAmount), nil
}
