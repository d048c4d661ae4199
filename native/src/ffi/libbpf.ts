/** Prototypes of the libbpf functions in use. All return a negative errno on failure unless they return a pointer. */
import type { Memory, Pointer } from "./memory.js";

type Maybe = Pointer | null;

export interface Libbpf {
  libbpf_set_print(callback: Pointer): Maybe;
  libbpf_num_possible_cpus(): number;
  libbpf_version_string(): string;

  bpf_object__open(path: string): Maybe;
  bpf_object__load(object: Pointer): number;
  bpf_object__close(object: Pointer): void;
  bpf_object__btf(object: Pointer): Maybe;
  bpf_object__next_map(object: Pointer, previous: Maybe): Maybe;
  bpf_object__next_program(object: Pointer, previous: Maybe): Maybe;
  btf__raw_data(btf: Pointer, size: Memory): Maybe;

  bpf_program__name(program: Pointer): string;
  bpf_program__section_name(program: Pointer): string;
  bpf_program__type(program: Pointer): number;
  bpf_program__fd(program: Pointer): number;
  bpf_program__set_autoload(program: Pointer, autoload: boolean): number;

  bpf_map__name(map: Pointer): string;
  bpf_map__type(map: Pointer): number;
  bpf_map__key_size(map: Pointer): number;
  bpf_map__value_size(map: Pointer): number;
  bpf_map__max_entries(map: Pointer): number;
  bpf_map__map_flags(map: Pointer): number;
  bpf_map__fd(map: Pointer): number;
  bpf_map__is_internal(map: Pointer): boolean;
  bpf_map__set_max_entries(map: Pointer, entries: number): number;
  bpf_map__set_pin_path(map: Pointer, path: string): number;
  bpf_map__reuse_fd(map: Pointer, fd: number): number;
  bpf_map__initial_value(map: Pointer, size: Memory): Maybe;

  bpf_map_create(
    type: number,
    name: string,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    options: Memory,
  ): number;
  bpf_map_get_fd_by_id(id: number): number;
  bpf_prog_get_fd_by_id(id: number): number;
  bpf_link_get_fd_by_id(id: number): number;
  bpf_map_lookup_elem(fd: number, key: Memory, value: Memory): number;
  bpf_map_update_elem(fd: number, key: Memory, value: Memory, flags: number): number;
  bpf_map_delete_elem(fd: number, key: Memory): number;
  bpf_map_get_next_key(fd: number, key: Memory | null, next: Memory): number;
  bpf_map_lookup_batch(
    fd: number,
    inBatch: Memory | null,
    outBatch: Memory,
    keys: Memory,
    values: Memory,
    count: Memory,
    options: null,
  ): number;
  bpf_map_update_batch(fd: number, keys: Memory, values: Memory, count: Memory, options: Memory): number;
  bpf_map_delete_batch(fd: number, keys: Memory, count: Memory, options: Memory): number;

  bpf_obj_pin(fd: number, path: string): number;
  bpf_obj_get(path: string): number;
  bpf_obj_get_info_by_fd(fd: number, info: Memory, length: Memory): number;
  bpf_link_detach(fd: number): number;
  bpf_enable_stats(type: number): number;
  bpf_prog_load(
    type: number,
    name: string,
    license: string,
    instructions: Memory,
    count: number,
    options: null,
  ): number;
  bpf_btf_load(data: Memory, size: number, options: null): number;
  libbpf_probe_bpf_map_type(type: number, options: null): number;
  libbpf_probe_bpf_helper(programType: number, helper: number, options: null): number;

  bpf_tc_hook_create(hook: Memory): number;
  bpf_tc_hook_destroy(hook: Memory): number;
  bpf_tc_attach(hook: Memory, options: Memory): number;
  bpf_tc_detach(hook: Memory, options: Memory): number;
  bpf_tc_query(hook: Memory, options: Memory): number;

  ring_buffer__new(mapFd: number, callback: Pointer, context: null, options: null): Maybe;
  ring_buffer__free(ring: Pointer): void;
  ring_buffer__consume(ring: Pointer): number;
  ring_buffer__poll(ring: Pointer, timeoutMs: number): number;
}

export const libbpfPrototypes: Readonly<Record<keyof Libbpf, string>> = {
  libbpf_set_print: "void *libbpf_set_print(void *callback)",
  libbpf_num_possible_cpus: "int libbpf_num_possible_cpus()",
  libbpf_version_string: "const char *libbpf_version_string()",

  bpf_object__open: "void *bpf_object__open(const char *path)",
  bpf_object__load: "int bpf_object__load(void *object)",
  bpf_object__close: "void bpf_object__close(void *object)",
  bpf_object__btf: "void *bpf_object__btf(void *object)",
  bpf_object__next_map: "void *bpf_object__next_map(void *object, void *previous)",
  bpf_object__next_program: "void *bpf_object__next_program(void *object, void *previous)",
  btf__raw_data: "void *btf__raw_data(void *btf, void *size)",

  bpf_program__name: "const char *bpf_program__name(void *program)",
  bpf_program__section_name: "const char *bpf_program__section_name(void *program)",
  bpf_program__type: "int bpf_program__type(void *program)",
  bpf_program__fd: "int bpf_program__fd(void *program)",
  bpf_program__set_autoload: "int bpf_program__set_autoload(void *program, bool autoload)",

  bpf_map__name: "const char *bpf_map__name(void *map)",
  bpf_map__type: "int bpf_map__type(void *map)",
  bpf_map__key_size: "uint32_t bpf_map__key_size(void *map)",
  bpf_map__value_size: "uint32_t bpf_map__value_size(void *map)",
  bpf_map__max_entries: "uint32_t bpf_map__max_entries(void *map)",
  bpf_map__map_flags: "uint32_t bpf_map__map_flags(void *map)",
  bpf_map__fd: "int bpf_map__fd(void *map)",
  bpf_map__is_internal: "bool bpf_map__is_internal(void *map)",
  bpf_map__set_max_entries: "int bpf_map__set_max_entries(void *map, uint32_t entries)",
  bpf_map__set_pin_path: "int bpf_map__set_pin_path(void *map, const char *path)",
  bpf_map__reuse_fd: "int bpf_map__reuse_fd(void *map, int fd)",
  bpf_map__initial_value: "void *bpf_map__initial_value(void *map, void *size)",

  bpf_map_create:
    "int bpf_map_create(int type, const char *name, uint32_t key_size, uint32_t value_size, uint32_t max_entries, void *options)",
  bpf_map_get_fd_by_id: "int bpf_map_get_fd_by_id(uint32_t id)",
  bpf_prog_get_fd_by_id: "int bpf_prog_get_fd_by_id(uint32_t id)",
  bpf_link_get_fd_by_id: "int bpf_link_get_fd_by_id(uint32_t id)",
  bpf_map_lookup_elem: "int bpf_map_lookup_elem(int fd, void *key, void *value)",
  bpf_map_update_elem: "int bpf_map_update_elem(int fd, void *key, void *value, uint64_t flags)",
  bpf_map_delete_elem: "int bpf_map_delete_elem(int fd, void *key)",
  bpf_map_get_next_key: "int bpf_map_get_next_key(int fd, void *key, void *next)",
  bpf_map_lookup_batch:
    "int bpf_map_lookup_batch(int fd, void *in_batch, void *out_batch, void *keys, void *values, void *count, void *options)",
  bpf_map_update_batch: "int bpf_map_update_batch(int fd, void *keys, void *values, void *count, void *options)",
  bpf_map_delete_batch: "int bpf_map_delete_batch(int fd, void *keys, void *count, void *options)",

  bpf_obj_pin: "int bpf_obj_pin(int fd, const char *path)",
  bpf_obj_get: "int bpf_obj_get(const char *path)",
  bpf_obj_get_info_by_fd: "int bpf_obj_get_info_by_fd(int fd, void *info, void *length)",
  bpf_link_detach: "int bpf_link_detach(int fd)",
  bpf_enable_stats: "int bpf_enable_stats(int type)",
  bpf_prog_load:
    "int bpf_prog_load(int type, const char *name, const char *license, void *instructions, size_t count, void *options)",
  bpf_btf_load: "int bpf_btf_load(void *data, size_t size, void *options)",
  libbpf_probe_bpf_map_type: "int libbpf_probe_bpf_map_type(int type, void *options)",
  libbpf_probe_bpf_helper: "int libbpf_probe_bpf_helper(int program_type, int helper, void *options)",

  bpf_tc_hook_create: "int bpf_tc_hook_create(void *hook)",
  bpf_tc_hook_destroy: "int bpf_tc_hook_destroy(void *hook)",
  bpf_tc_attach: "int bpf_tc_attach(void *hook, void *options)",
  bpf_tc_detach: "int bpf_tc_detach(void *hook, void *options)",
  bpf_tc_query: "int bpf_tc_query(void *hook, void *options)",

  ring_buffer__new: "void *ring_buffer__new(int map_fd, void *callback, void *context, void *options)",
  ring_buffer__free: "void ring_buffer__free(void *ring)",
  ring_buffer__consume: "int ring_buffer__consume(void *ring)",
  ring_buffer__poll: "int ring_buffer__poll(void *ring, int timeout_ms)",
};
