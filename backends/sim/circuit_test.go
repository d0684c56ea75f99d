package sim

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

const header = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\n"

func parse(t testing.TB, src string) *circuit.Circuit {
	c, _, err := circuit.ParseQASM([]byte(header+src), circuit.Options{})
	require.NoError(t, err)
	return c
}

func TestMethodIsAFunctionOfTheCircuit(t *testing.T) {
	for src, want := range map[string]struct {
		method Method
		reason string
	}{
		"qreg q[2]; h q[0]; cx q[0],q[1];":                                                    {Stabilizer, "all gates are Clifford"},
		"qreg q[2]; h q[0]; u1(pi/2) q[1]; cx q[0],q[1];":                                     {Stabilizer, "all gates are Clifford"},
		"qreg q[2]; h q[0]; t q[1];":                                                          {StateVector, "gate 1 (u3 on qubit 1) is not Clifford"},
		"qreg q[2]; creg c[1]; t q[0]; measure q[0]->c[0]; x q[0];":                           {StateVector, "operation 2 (u3) follows a measurement of qubit 0"},
		"qreg q[2]; creg c[1]; h q[0]; measure q[0]->c[0]; t q[0];":                           {StateVector, "operation 2 (u3) follows a measurement of qubit 0"},
		"qreg q[2]; creg c[1]; h q[0]; measure q[0]->c[0]; if(c==1) t q[1];":                  {StateVector, "operation 2 (u3) is conditional"},
		"qreg q[2]; creg c[1]; h q[0]; measure q[0]->c[0]; if(c==1) h q[1];":                  {StateVector, "operation 2 (u3) is conditional"},
		"qreg q[2]; creg c[1]; h q[0]; reset q[0]; t q[0]; measure q[0]->c[0];":               {StateVector, "operation 1 resets qubit 0 in mid-circuit"},
		"qreg q[2]; creg c[1]; h q[0]; measure q[0]->c[0]; x q[0];":                           {Stabilizer, "all gates are Clifford; measurements, resets and branches of 2 qubits deferred on 3"},
		"qreg q[2]; creg c[1]; h q[0]; measure q[0]->c[0]; if(c==1) x q[1];":                  {Stabilizer, "all gates are Clifford; measurements, resets and branches of 2 qubits deferred on 2"},
		"qreg q[2]; creg c[1]; h q[0]; reset q[0]; measure q[0]->c[0];":                       {Stabilizer, "all gates are Clifford; measurements, resets and branches of 2 qubits deferred on 3"},
		"qreg q[2]; creg c[1]; reset q[0]; h q[0]; measure q[0]->c[0]; x q[1]; barrier q[0];": {Stabilizer, "all gates are Clifford"},
	} {
		r, err := Sim(t.Context(), parse(t, src), SimOptions{Shots: 10})
		require.NoError(t, err, src)
		require.Equal(t, want.method, r.Method, src)
		require.Equal(t, want.reason, r.Reason, src)
		method, reason, err := Choose(parse(t, src))
		require.NoError(t, err)
		require.Equal(t, want, struct {
			method Method
			reason string
		}{method, reason})
		numeric := "numeric/1"
		if r.Method == StateVector && r.State == nil {
			numeric = "numeric/0-trajectories"
		}
		require.Equal(t, numeric, r.Numeric)
		require.Equal(t, 10, r.Shots)
		require.Len(t, r.Rows, 10)
	}
}

// TestMethodsAgree: a Clifford circuit has the same possible outcomes, about as
// often, by all engines; the key is the same, the words are used differently.
func TestMethodsAgree(t *testing.T) {
	c := parse(t, "qreg q[4]; creg c[3]; h q[0]; cx q[0],q[1]; x q[2]; s q[0]; h q[3]; measure q[1]->c[0]; measure q[2]->c[2]; measure q[3]->c[1];")
	for _, m := range []Method{Stabilizer, StateVector} {
		r, err := Sim(t.Context(), c, SimOptions{Shots: 4000, Method: m, Precision: statevector.Complex128})
		require.NoError(t, err)
		require.Equal(t, "chosen by the caller", r.Reason)
		count := [8]int{}
		for _, x := range r.Rows {
			count[x]++
		}
		for x, n := range count {
			if x < 4 {
				require.Zero(t, n, "qubit 2 is 1, it goes to clbit 2")
			} else {
				require.InDelta(t, 1000, n, 300)
			}
		}
		require.Equal(t, m == StateVector, r.State != nil)
	}
}

func TestSimIgnoresThreads(t *testing.T) {
	for src, want := range map[string]string{
		"qreg q[9]; h q[0]; cx q[0],q[5]; t q[5]; h q[5]; u3(1,2,3) q[8];":                               "748d232a0b928c9b812bfa59284217a391530eae3e5d2e355cb463aa4adc5640",
		"qreg q[70]; creg c[70]; h q[0]; cx q[0],q[69]; h q[40]; measure q->c;":                          "1f924ef3a7d8407467dbfa9427be7f090a58818dee128d41bf8f3cd249f15fca",
		"qreg q[3]; creg c[3]; h q[0]; measure q[0]->c[0]; if(c==1) u3(1,2,3) q[2]; measure q[2]->c[2];": "f8ed8307ade3c94e3b9296f99f283a5e66d396bbb6d6829af5fcb678351d2a3b",
	} {
		for _, threads := range []int{1, 2, 8} {
			r, err := Sim(t.Context(), parse(t, src), SimOptions{Shots: 3000, Key: [16]byte{3}, Threads: threads})
			require.NoError(t, err)
			h := sha3.Sum256(r.Rows)
			require.Equal(t, want, hex.EncodeToString(h[:]), "%s, %d threads", src, threads)
		}
	}
}

// TestImplicitMeasurement is decision B2.
func TestImplicitMeasurement(t *testing.T) {
	r, err := Sim(t.Context(), parse(t, "qreg q[10]; x q[9]; x q[0];"), SimOptions{Shots: 2})
	require.NoError(t, err)
	require.Equal(t, 10, r.Clbits)
	require.Equal(t, []byte{1, 2, 1, 2}, r.Rows)
}

func TestGHZOfAThousand(t *testing.T) {
	c, err := circuit.Generate("ghz", 1000, 0, [32]byte{})
	require.NoError(t, err)
	progress := 0
	r, err := Sim(t.Context(), c, SimOptions{Shots: 100, MemoryBytes: 1 << 20, Progress: func(done, total int) { progress = done }})
	require.NoError(t, err)
	require.Equal(t, 1, progress)
	ones := 0
	for i := range 100 {
		row := r.Rows[125*i:][:125]
		for _, b := range row {
			require.Equal(t, row[0], b)
		}
		ones += int(row[0] & 1)
	}
	require.InDelta(t, 50, ones, 40)
}

func TestSimRefusals(t *testing.T) {
	bell, cancelled := parse(t, "qreg q[2]; h q[0]; cx q[0],q[1];"), parse(t, "qreg q[20]; h q[0]; t q[0];")
	_, err := Sim(t.Context(), bell, SimOptions{Shots: -1})
	require.ErrorIs(t, err, backends.ErrUnsupported)
	_, err = Sim(t.Context(), bell, SimOptions{Method: "magic"})
	require.ErrorIs(t, err, backends.ErrUnsupported)
	_, err = Sim(t.Context(), cancelled, SimOptions{Method: Stabilizer})
	require.EqualError(t, err, "method stabilizer: gate 1 (u3 on qubit 0) is not Clifford: "+backends.ErrUnsupported.Error())
	_, err = Sim(t.Context(), cancelled, SimOptions{MemoryBytes: 1 << 20})
	require.ErrorIs(t, err, backends.ErrTooLarge)
	require.ErrorContains(t, err, "which fit 16 qubits")
	_, err = Sim(t.Context(), parse(t, "qreg q[4000]; t q[0];"), SimOptions{Shots: 1})
	require.ErrorIs(t, err, backends.ErrTooLarge)
	_, err = Sim(t.Context(), bell, SimOptions{Shots: 1000, MemoryBytes: 999})
	require.ErrorIs(t, err, backends.ErrTooLarge)
	_, err = Sim(t.Context(), &circuit.Circuit{}, SimOptions{})
	require.ErrorIs(t, err, circuit.ErrInvalid)
	_, _, err = Choose(&circuit.Circuit{})
	require.ErrorIs(t, err, circuit.ErrInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []*circuit.Circuit{bell, cancelled} {
		_, err = Sim(ctx, c, SimOptions{Shots: 10})
		require.ErrorIs(t, err, context.Canceled)
	}
}
