export const LIBBPF_TS_VERSION = "0.1.0";
