package trust_test

// SHA3-256 of the frames of the tests; a change of one is a change of format.
const (
	goldenVectors = "120d218516d4df3c4230018e6447bd5f3b315e6a3df9d43a45144f5e6216b39f"
	goldenRecord  = "45bf8498bafcd3353b7fe686cde343750f1fb7e519a552b775cdebadb5d2b5a5"
	goldenRoot    = "2daf21b248d13a949e8b5f295789cdfc984b3030c0c86095213c006dd346c005"
	goldenRotated = "b0dd151e8ed618017b88d92c7a679e01b26b62998627ed2f468de1eb12c52aaa"
	goldenSet     = "b1644a9c924f47211c8b59f9e55b5c0d912196e6ea618f8c4757601b500b0d95"
)
