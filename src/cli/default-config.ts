/** Where the configuration is unless it is named. */
export const DEFAULT_CONFIG = "/etc/submirror/submirror.yaml";
