// SPDX-License-Identifier: GPL-2.0-only
int start_kernel(void);

int start_kernel(void)
{
	return 0;
}
