-- Of clicks that were stored before there are none until they are counted anew.
UPDATE workspace_heads SET sketches_from = 9223372036854775807 WHERE head > 0;
