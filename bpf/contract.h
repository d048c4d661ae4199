/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The compiler writes only types that something has into the object's BTF. The control plane's codecs are generated
 * from there and need the enumerations too, so here is something that has them.
 */
#ifndef SUBMIRROR_CONTRACT_H
#define SUBMIRROR_CONTRACT_H

const volatile struct {
	enum direction direction;
	enum limits limits;
	enum drop_reason drop_reason;
	enum link_kind link_kind;
	enum intercept_flags intercept_flags;
	enum term_flags term_flags;
	enum device_flags device_flags;
	enum config_flags config_flags;
} enumerations = {};

#endif
