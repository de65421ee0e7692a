module micro.tests/peer

go 1.24
