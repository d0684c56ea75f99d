module github.com/animicaorg/engine

go 1.26.0

require (
	github.com/landlock-lsm/go-landlock v0.11.0
	github.com/stretchr/testify v1.12.1
	github.com/tetratelabs/wazero v1.12.0
	golang.org/x/sys v0.48.0
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	kernel.org/pub/linux/libs/security/libcap/psx v1.2.77 // indirect
)
