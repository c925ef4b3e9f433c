/* Numbers of User-Mode Linux's block devices (arch/um/drivers/ubd_kern.c). */
#pragma once

#define UBD_MAJOR 98
#define UBD_MINORS 16 /* per device */
