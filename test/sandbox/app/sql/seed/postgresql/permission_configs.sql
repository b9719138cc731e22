-- The permissions that the application knows about. Run once on a new database; running it again changes nothing.
INSERT INTO permission_configs (db_type, category, permission_name, description, sort_order) VALUES
('mysql', 'global_privileges', 'SELECT', '查询数据', 1),
('mysql', 'global_privileges', 'SUPER', '超级权限', 2),
('postgresql', 'role_attributes', 'SUPERUSER', '超级用户', 1),
('postgresql', 'role_attributes', 'CREATEDB', '创建数据库', 2),
('sqlserver', 'server_roles', 'sysadmin', '系统管理员', 1),
('oracle', 'system_privileges', 'CREATE SESSION', '建立会话', 1)
ON CONFLICT (db_type, category, permission_name) DO NOTHING;
